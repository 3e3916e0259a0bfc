"""`error_count` and `accuracy`: rules over several judgements of a model version."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from alerts.conditions.finding import AlertDetails, Finding, Moment, alert_key_of, no_longer_serving
from alerts.counters.feedback_counts import Recent
from alerts.detectors import accuracy, error_count
from alerts.state.alert import Alert
from contracts.rules.schema import Accuracy, BaseRule, ErrorCount, Rules

_Rule = TypeVar("_Rule", ErrorCount, Accuracy)
_REFRESH_S = 1.0
_MORE_ACCURACY = 0.05
_MOST_ACCURACY = 0.95
"""No rule is sharpened beyond it: people err, too."""


class FeedbackCondition:
    """Evaluates the newest judgements; reads them again when alert states change or a second has passed.

    Args:
        recent: reads them (`alerts.counters.feedback_counts.recent_judgements`).
        new_for_s: how long a version that took over from another one is new; rules are sharper for it, see `sharper`.
    """

    def __init__(self, rules: Rules, recent: Callable[[], Mapping[str, Recent]], new_for_s: float = 0.0) -> None:
        self._new_for_ms = new_for_s * 1000
        self._rules = [rule for rule in rules.rules if isinstance(rule, (ErrorCount, Accuracy)) and rule.enabled]
        self._read = recent
        self._known: Mapping[str, Recent] = {}
        self._refreshed: tuple[str, float] | None = None

    def findings(self, moment: Moment) -> Iterator[Finding]:
        """Per rule and model version."""
        if not self._rules:
            return
        clock = time.monotonic()
        if self._refreshed is None or self._refreshed[0] != moment.snapshot.revision or clock > self._refreshed[1]:
            self._known = self._read()
            self._refreshed = moment.snapshot.revision, clock + _REFRESH_S
        for rule in self._rules:
            for name, _, _, version in moment.alerts:
                if name == rule.alert and version not in self._known:
                    yield no_longer_serving(rule, version)
            for version, recent in sorted(self._known.items()):
                alert_key = alert_key_of({"alertname": rule.alert, "model_version": version})
                is_new = 0 <= moment.now_ms - (recent.serving_since_ms or 0) < self._new_for_ms
                if isinstance(rule, ErrorCount):
                    found = _errors(sharper(rule) if is_new else rule, version, recent, moment)
                else:
                    asked = sharper(rule) if is_new else rule
                    found = _accuracy(asked, version, recent, moment, firing=moment.firing(alert_key))
                if found.active or alert_key in moment.alerts:
                    yield found

    def covers(self, _rule: BaseRule, _alert: Alert, /) -> bool:
        """Any version."""
        return True


def sharper(rule: _Rule) -> _Rule:
    """The rule for a version that is new: half the errors, a twentieth more accuracy."""
    if isinstance(rule, ErrorCount):
        return rule.model_copy(update={"count": rule.count // 2})
    return rule.model_copy(update={"below": max(rule.below, min(rule.below + _MORE_ACCURACY, _MOST_ACCURACY))})


def _errors(rule: ErrorCount, version: str, recent: Recent, moment: Moment) -> Finding:
    verdict = error_count.judge(rule, recent.wrong_ms, moment.now_ms)
    minutes = rule.within / 60
    measured = (
        f"{verdict.wrong} judgements within {minutes:g} minutes called a prediction of model version {version} wrong"
    )

    def begin() -> AlertDetails:
        annotations = {
            "summary": f"{verdict.wrong} wrong predictions within {minutes:g} minutes by model version {version}",
            "description": f"{measured}; the limit is {rule.count}.",
            "wrong": str(verdict.wrong),
        }
        return AlertDetails(float(verdict.wrong), verdict.since_ms, annotations)

    def end(before: Mapping[str, str]) -> dict[str, str]:
        summary = f"Wrong predictions by model version {version} have become few again"
        return {**before, "summary": summary, "description": f"{measured}.", "wrong": str(verdict.wrong)}

    return Finding(rule, {"model_version": version}, verdict.active, begin, end)


def _accuracy(rule: Accuracy, version: str, recent: Recent, moment: Moment, *, firing: bool) -> Finding:
    verdict = accuracy.judge(rule, recent.verdicts, firing=firing)
    numbers = {
        "accuracy": f"{verdict.accuracy:.3f}",
        "accuracy_upper": f"{verdict.upper:.3f}",
        "judged": str(verdict.judged),
    }
    measured = f"{verdict.right} of the last {verdict.judged} judged predictions of model version {version} were right"

    def begin() -> AlertDetails:
        annotations = {
            "summary": f"Model version {version} is right in {verdict.accuracy:.0%} of its last {verdict.judged} "
            "judged predictions",
            "description": f"{measured}; with {rule.confidence:.0%} confidence it is right in fewer than "
            f"{verdict.upper:.0%}, and {rule.below:.0%} are asked for.",
            **numbers,
        }
        since = max(recent.wrong_ms, default=moment.now_ms)
        return AlertDetails(verdict.accuracy, min(since, moment.now_ms), annotations)

    def end(before: Mapping[str, str]) -> dict[str, str]:
        summary = f"Model version {version} is right often enough again"
        return {**before, "summary": summary, "description": f"{measured}.", **numbers}

    return Finding(rule, {"model_version": version}, verdict.active, begin, end)
