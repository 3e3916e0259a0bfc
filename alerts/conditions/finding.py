"""The finding of a condition: whether it holds for one subject of a rule at one time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from alerts.detectors.drift import Reference
from alerts.state.alert import SEVERITIES, Alert, fingerprint_of, labels_of
from alerts.state.store import Snapshot
from contracts.rules.schema import BaseRule, Severity

AlertKey = tuple[str, str, str, str]
"""Alert name, watch, theme and model version: what sets the alerts of a rules file apart."""


class AlertDetails(NamedTuple):
    """Value, start and annotations of an alert."""

    value: float
    starts_at_ms: int
    annotations: dict[str, str]


@dataclass(frozen=True)
class Finding:
    """Whether a rule's condition holds for one subject; explanations are made when they are asked for."""

    rule: BaseRule
    where: Mapping[str, str]
    """Labels that identify the subject."""
    active: bool
    begin: Callable[[], AlertDetails]
    """Makes the details of an alert that begins, or that still fires."""
    end: Callable[[Mapping[str, str]], dict[str, str]]
    """From the annotations of the alert that is over to those of its end, the rule's own left out."""
    severity: Severity | None = None
    """The severity that follows from the score, for rules with `severity: score`."""

    @property
    def alert_key(self) -> AlertKey:
        """Which subject of which rule."""
        return alert_key_of({**self.where, "alertname": self.rule.alert})

    def labels(self) -> dict[str, str]:
        """Of the alert that it makes."""
        return labels_of(self.rule, severity=self.severity, **self.where)


def alert_key_of(labels: Mapping[str, str]) -> AlertKey:
    """The key of the alert that has these labels."""
    return (labels["alertname"], labels.get("watch", ""), labels.get("theme", ""), labels.get("model_version", ""))


def fingerprints_of(rule: BaseRule, **where: str) -> list[str]:
    """All that the alerts of a subject may have: one, or one for each severity."""
    severities: Sequence[Severity | None] = SEVERITIES if rule.severity == "score" else (None,)
    return [fingerprint_of(labels_of(rule, severity=severity, **where)) for severity in severities]


def no_longer_serving(rule: BaseRule, version: str) -> Finding:
    """The end of an alert about a model version that does not serve any more."""

    def begin() -> AlertDetails:
        raise AssertionError("it does not begin")

    def end(before: Mapping[str, str]) -> dict[str, str]:
        return {**before, "summary": f"Model version {version} serves no more"}

    return Finding(rule, {"model_version": version}, False, begin, end)


@dataclass(frozen=True)
class Moment:
    """Input of the conditions beside the counters."""

    now_ms: int
    """Wall clock for live rules, the data's for backtests."""
    snapshot: Snapshot
    model_version: str
    """The version that serves."""
    reference: Reference | None = None
    """What its training leads to expect of it."""
    model_failure: str | None = None
    """Why the version that has the alias does not serve."""
    caught_up: bool = True
    """False while predictions wait to be counted: silence means nothing then."""
    alerts: Mapping[AlertKey, Alert] = field(default_factory=dict)
    """Pending and firing ones."""

    def firing(self, alert_key: AlertKey) -> bool:
        """Whether the subject has an alert that fires."""
        alert = self.alerts.get(alert_key)
        return alert is not None and alert.state == "firing"


class Condition(Protocol):
    """One kind of rule."""

    def findings(self, moment: Moment) -> Iterable[Finding]:
        """One of every subject whose condition holds or that has an alert; none of the others.

        A subject without a finding keeps its alert.
        """
        ...

    def covers(self, rule: BaseRule, alert: Alert, /) -> bool:
        """Whether the rule, of this kind, still asks for this alert."""
        ...
