"""`buzzwatch alerts backtest --tune`: how many alerts, and how soon, over a grid of thresholds."""

from __future__ import annotations

from statistics import median
from typing import Any, Final

from alerts.backtest.bad_buzz import Replay
from cli.backtest.run import Backtest, Progress, Subject
from contracts.rules.schema import BadBuzz

FALSE_ALARMS: Final = (0.01, 0.1, 0.3, 1.0, 10.0)
GROWTHS: Final = (1.1, 1.25, 1.5, 2.0)

_Spans = list[tuple[int, float]]


def tuned(run: Backtest, progress: Progress) -> list[dict[str, Any]]:
    """One row per `bad_buzz` rule and pair of thresholds. An alert whose severity is raised counts once.

    `delay_s` is the median, over the alerts of the rule as it is that the changed one finds too, of how much later this
    one starts; None when it finds none.
    """
    rules = [rule for rule in run.rules.rules if isinstance(rule, BadBuzz) and rule.enabled]
    steps = len(rules) * len(FALSE_ALARMS) * len(GROWTHS)
    rows: list[dict[str, Any]] = []
    for rule in rules:
        subjects = list(run.subjects(rule))
        usual = _spans(run, rule, subjects)
        for rate in FALSE_ALARMS:
            for growth in GROWTHS:
                progress("tuning", len(rows), steps)
                resolve = min(rule.resolve_growth, growth)
                changed = rule.model_copy(update={"false_alarms": rate, "growth": growth, "resolve_growth": resolve})
                spans = _spans(run, changed, subjects)
                number = sum(map(len, spans))
                delays = [
                    later
                    for before, after in zip(usual, spans, strict=True)
                    for later in (_later(start, end, after) for start, end in before)
                    if later is not None
                ]
                rows.append(
                    {
                        "alertname": rule.alert,
                        "false_alarms": rate,
                        "growth": growth,
                        "alerts": number,
                        "alerts_per_week": number / max(run.days / 7, 1e-9),
                        "delay_s": median(delays) if delays else None,
                    }
                )
    return rows


def _spans(run: Backtest, rule: BadBuzz, subjects: list[Subject]) -> list[_Spans]:
    return [
        [
            (start, float("inf") if end is None else float(end))
            for start, end in Replay(rule, subject.where, run.series(rule, subject)).episodes()
        ]
        for subject in subjects
    ]


def _later(start: int, end: float, others: _Spans) -> float | None:
    for other_start, other_end in others:
        if other_start <= end and start <= other_end:
            return (other_start - start) / 1000
    return None
