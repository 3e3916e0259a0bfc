from __future__ import annotations

from contracts.rules.file import load_rules
from contracts.rules.schema import AnyRule
from contracts.settings import Settings


def test_the_default_rules_load_and_hold_what_an_airline_needs() -> None:
    rules = load_rules(Settings().rules)
    assert rules.watches[0].name == "air-paradis"
    assert {"baggage", "delay", "cancellation", "service", "booking"} <= {theme.name for theme in rules.themes}
    kinds = {rule.kind for rule in rules.rules if rule.enabled}
    assert kinds == {kind.model_fields["kind"].annotation.__args__[0] for kind in AnyRule.__args__}
    assert [rule.alert for rule in rules.rules if not rule.enabled] == ["BadBuzzTheme"]
    assert rules.receivers == ()


def test_no_term_means_two_watches_or_two_themes() -> None:
    rules = load_rules(Settings().rules)
    for topics in (rules.watches, rules.themes):
        terms = [term.lower() for topic in topics for term in topic.match]
        assert len(terms) == len(set(terms))
