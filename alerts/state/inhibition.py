"""Alerts that mute others while they fire: `inhibit_rules`, as in Alertmanager. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from alerts.state.alert import Alert
from contracts.rules.matchers import all_match
from contracts.rules.routing import InhibitRule

_Agreed = tuple[str, ...]


class Inhibitor:
    """Finds the alerts that are muted by firing ones.

    An alert that is on both sides of a rule is not muted by another one that is, so that two never mute each other.
    """

    def __init__(self, rules: Sequence[InhibitRule], alerts: Iterable[Alert]) -> None:
        self._rules = rules
        self._sources: list[dict[_Agreed, list[Alert]]] = [{} for _ in rules]
        for alert in alerts:
            for rule, sources in zip(rules, self._sources, strict=True):
                if alert.state == "firing" and all_match(rule.source_matchers, alert.labels):
                    sources.setdefault(_agreed(rule, alert), []).append(alert)

    def muting(self, target: Alert) -> list[str]:
        """Fingerprints of the alerts that mute this one, empty when it is free."""
        found = []
        for rule, sources in zip(self._rules, self._sources, strict=True):
            if sources and all_match(rule.target_matchers, target.labels):
                both = all_match(rule.source_matchers, target.labels)
                found += [
                    source.fingerprint
                    for source in sources.get(_agreed(rule, target), ())
                    if source.fingerprint != target.fingerprint
                    and not (both and all_match(rule.target_matchers, source.labels))
                ]
        return sorted(set(found))


def _agreed(rule: InhibitRule, alert: Alert) -> _Agreed:
    """A label, else the annotation of that name (a bad buzz has `model_version` there), else nothing."""
    return tuple(alert.labels.get(name, alert.annotations.get(name, "")) for name in rule.equal)
