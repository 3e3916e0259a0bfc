"""`drift`: predictions of the serving model, against the reference of its training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from alerts.conditions.finding import AlertDetails, Finding, Moment, alert_key_of, no_longer_serving
from alerts.counters.counts import ANSWER_SLOT_S
from alerts.counters.store import CounterStore
from alerts.detectors import drift
from alerts.state.alert import Alert
from contracts.events import SENTIMENTS
from contracts.rules.schema import BaseRule, Drift, Rules

_REFRESH_MS: Final = 60_000

AnswerCounts = Mapping[str, Mapping[tuple[str, int], int]]


class DriftCondition:
    """Reads the counts once a minute: those of a day are hundreds of Redis hashes."""

    def __init__(self, rules: Rules, counters: CounterStore) -> None:
        self._rules = [rule for rule in rules.rules if isinstance(rule, Drift) and rule.enabled]
        self._counters = counters
        self._counts: dict[float, tuple[int, AnswerCounts]] = {}

    def findings(self, moment: Moment) -> Iterator[Finding]:
        """Of the version that serves, if it has a reference. Alerts of other versions end."""
        for rule in self._rules:
            for name, _, _, version in moment.alerts:
                if name == rule.alert and version != moment.model_version:
                    yield no_longer_serving(rule, version)
            if moment.reference is None:
                continue
            alert_key = alert_key_of({"alertname": rule.alert, "model_version": moment.model_version})
            counts = self._of(rule.within, moment.now_ms).get(moment.model_version, {})
            verdict = drift.judge(rule, counts, moment.reference, firing=moment.firing(alert_key))
            if verdict is not None and (verdict.active or alert_key in moment.alerts):
                yield _finding(rule, moment, verdict, moment.reference)

    def covers(self, _rule: BaseRule, _alert: Alert, /) -> bool:
        """Any version."""
        return True

    def _of(self, within: float, now_ms: int) -> AnswerCounts:
        known = self._counts.get(within)
        if known is None or not 0 <= now_ms - known[0] < _REFRESH_MS:
            known = self._counts[within] = now_ms, self._counters.answers(now_ms, within)
        return known[1]


def _finding(rule: Drift, moment: Moment, verdict: drift.DriftVerdict, reference: drift.Reference) -> Finding:
    version = moment.model_version
    usual = [share / sum(reference.classes) for share in reference.classes]
    shares = ", ".join(
        f"{label} {now:.0%} (in training {before:.0%})"
        for label, now, before in zip(SENTIMENTS, verdict.classes, usual, strict=True)
    )
    numbers = {
        "jensen_shannon": f"{verdict.jensen_shannon:.3f}",
        "kolmogorov_smirnov": f"{verdict.kolmogorov_smirnov:.3f}",
        "class_move": f"{verdict.moved} {verdict.move:+.3f}",
        "tweets": str(verdict.tweets),
        "model_version": version,
    }
    hours = rule.within / 3600

    def begin() -> AlertDetails:
        annotations = {
            "summary": f"Predictions of model version {version} have drifted away from those of its training",
            "description": f"Of {verdict.tweets:,} tweets in {hours:g} h: {'; '.join(verdict.reasons)}. {shares}.",
            **numbers,
        }
        start = moment.now_ms // (ANSWER_SLOT_S * 1000) * ANSWER_SLOT_S * 1000
        return AlertDetails(max(verdict.jensen_shannon, verdict.kolmogorov_smirnov), start, annotations)

    def end(before: Mapping[str, str]) -> dict[str, str]:
        summary = f"Predictions of model version {version} are near to those of its training again"
        return {**before, "summary": summary, "description": f"{shares}.", **numbers}

    return Finding(rule, {"model_version": version}, verdict.active, begin, end)
