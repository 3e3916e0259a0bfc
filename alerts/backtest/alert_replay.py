"""The life of one alert over recorded moments, as the live evaluator leads it."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.state.alert import Alert, fingerprint_of, labels_of
from alerts.state.lifecycle import advance, is_stale, renewed
from contracts.rules.schema import Drift, ForeignVolume, Quiet


class ReplayedAlert:
    """Goes from moment to moment.

    Args:
        rule: for how long.
        where: labels that identify what the rule looks at.
    """

    def __init__(self, rule: Drift | ForeignVolume | Quiet, where: Mapping[str, str]) -> None:
        self._rule = rule
        self._labels = labels_of(rule, **where)
        self._fingerprint = fingerprint_of(self._labels)
        self.alert: Alert | None = None
        """Pending or firing."""

    @property
    def firing(self) -> Alert | None:
        """The alert, unless it is only pending."""
        return self.alert if self.alert is not None and self.alert.state == "firing" else None

    def step(self, *, active: bool, now_ms: int, starts_at_ms: int, value: float) -> list[Alert]:
        """Whether the condition holds at `now_ms`; returns the alert if that has just ended it, else nothing."""
        made = Alert(self._rule.kind, self._fingerprint, self._labels, {}, starts_at_ms, value, explained_ms=now_ms)
        self.alert, transition = advance(
            self.alert,
            active=active,
            now_ms=now_ms,
            for_s=self._rule.for_,
            keep_firing_for_s=self._rule.keep_firing_for,
            begin=lambda: made,
        )
        if self.alert is not None and active and is_stale(self.alert, now_ms):
            self.alert = renewed(self.alert, value=value, annotations={}, now_ms=now_ms)
        return [transition.alert] if transition is not None and transition.status == "resolved" else []
