"""`model_broken`: the version that has the champion's alias does not serve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from alerts.conditions.finding import AlertDetails, Finding, Moment, alert_key_of
from alerts.state.alert import Alert
from contracts.rules.schema import BaseRule, ModelBroken, Rules


class ModelBrokenCondition:
    """Checks the model of the worker that evaluates the rules; all workers follow the same alias."""

    def __init__(self, rules: Rules) -> None:
        self._rules = [rule for rule in rules.rules if isinstance(rule, ModelBroken) and rule.enabled]

    def findings(self, moment: Moment) -> Iterator[Finding]:
        """One per rule."""
        for rule in self._rules:
            if moment.model_failure is not None or alert_key_of({"alertname": rule.alert}) in moment.alerts:
                yield _finding(rule, moment)

    def covers(self, _rule: BaseRule, _alert: Alert, /) -> bool:
        """There is one."""
        return True


def _finding(rule: ModelBroken, moment: Moment) -> Finding:
    failure, version = moment.model_failure, moment.model_version

    def begin() -> AlertDetails:
        annotations = {
            "summary": f"A promoted model cannot serve; version {version} still does",
            "description": str(failure),
            "serving_version": version,
        }
        return AlertDetails(1.0, moment.now_ms, annotations)

    def end(before: Mapping[str, str]) -> dict[str, str]:
        summary = f"The promoted model serves: version {version}"
        return {**before, "summary": summary, "serving_version": version}

    return Finding(rule, {}, failure is not None, begin, end)
