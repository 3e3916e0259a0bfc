from __future__ import annotations

import pytest

from contracts.rules.matchers import all_match, parse_matcher

LABELS = {"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis"}


@pytest.mark.parametrize(
    ("text", "matches"),
    [
        ('watch="air-paradis"', True),
        ("watch=air-paradis", True),
        (' watch = "air-paradis" ', True),
        ("watch=air", False),
        ("watch!=delta", True),
        ("watch!=air-paradis", False),
        ('watch=~"air-.*"', True),
        ('watch=~"paradis"', False),  # anchored at both ends
        ("watch=~air-paradis|delta", True),
        ('watch!~"air-.*"', False),
        ('watch!~"delta|united"', True),
        ('theme=""', True),  # a label that is missing is an empty one
        ('theme!=""', False),
        ('theme=~".+"', False),
        ('theme=~"|baggage"', True),
    ],
)
def test_matchers_mean_what_they_mean_in_alertmanager(text: str, matches: bool) -> None:
    assert parse_matcher(text).matches(LABELS) is matches


@pytest.mark.parametrize(
    "text", ["watch", "=x", "1st=x", 'watch="x', 'watch="a\\d"', "watch=~(", f"watch={'x' * 1025}"]
)
def test_what_is_no_matcher_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"matcher|label|quotes|expression|longer"):
        parse_matcher(text)


def test_a_matcher_is_shown_as_it_can_be_read_again() -> None:
    for text in ('watch="é \\"x\\""', 'alertname=~"Bad.*"', 'a!=""', 'a!~"b"'):
        one = parse_matcher(text)
        assert str(one) == text
        assert parse_matcher(str(one)) == one


def test_all_of_several_matchers_must_match_and_none_match_everything() -> None:
    right, wrong = parse_matcher("severity=critical"), parse_matcher("watch=delta")
    assert all_match((right,), LABELS)
    assert not all_match((right, wrong), LABELS)
    assert all_match((), LABELS)


@pytest.mark.parametrize(
    "pattern", ["a{99999999}", "(a{100}){100}", "a{2,99999999}", "a{99999999,}", "(" * 500 + ")" * 500]
)
def test_an_expression_that_would_take_all_memory_is_refused_at_once(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"repeats more than 1000 times|nested too deeply"):
        parse_matcher(f"watch=~{pattern}")
    assert parse_matcher("watch=~[a-f]{32}").matches({"watch": "a" * 32})


@pytest.mark.parametrize("operator", ["=~", "!~"])
def test_an_expression_that_would_take_for_ever_matches_nothing_and_holds_up_nobody(operator: str) -> None:
    slow = parse_matcher(f"watch{operator}(a|a)*")
    assert not slow.matches({"watch": "a" * 40 + "!"})
