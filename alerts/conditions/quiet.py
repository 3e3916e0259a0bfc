"""`quiet`: tweets of a watch, or of the whole stream, against the same time of the days before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from alerts.conditions.finding import AlertDetails, Finding, Moment, alert_key_of
from alerts.counters.counts import ALL_THEMES, STREAM, Key
from alerts.counters.store import CounterStore
from alerts.counters.table import CountTable, IntArray
from alerts.detectors import quiet
from alerts.state.alert import Alert
from contracts.rules.schema import BaseRule, Quiet, Rules

_DAYS: Final = 7
_DAY_S: Final = 86_400
_HOUR_S: Final = 3600


class QuietCondition:
    """What is usual comes from counts per hour, a part of an hour taken as that part of its tweets."""

    def __init__(self, rules: Rules, counters: CounterStore) -> None:
        self._rules = [rule for rule in rules.rules if isinstance(rule, Quiet) and rule.enabled]
        self._counters = counters

    def findings(self, moment: Moment) -> Iterator[Finding]:
        """Of each watch that a rule names; nothing while predictions wait to be counted."""
        if not moment.caught_up:
            return
        for rule in self._rules:
            watches = (STREAM,) if rule.watches is None else rule.watches
            keys = [(watch, ALL_THEMES) for watch in watches]
            table = self._counters.window_of_minutes(moment.now_ms, rule.window)
            usual = self._days(rule, keys, moment.now_ms)
            tweets = _tweets(table, self._counters.rows_of(keys))
            for watch, number, days in zip(watches, tweets, usual, strict=True):
                where = {"watch": watch} if watch else {}
                alert_key = alert_key_of({**where, "alertname": rule.alert})
                verdict = quiet.judge(rule, number, days, firing=moment.firing(alert_key))
                if verdict is not None and (verdict.active or alert_key in moment.alerts):
                    yield _finding(rule, where, verdict, moment.now_ms)

    def covers(self, rule: BaseRule, alert: Alert, /) -> bool:
        """The watches that the rule names."""
        assert isinstance(rule, Quiet)
        watch = alert.labels.get("watch")
        return watch is None if rule.watches is None else watch in rule.watches

    def _days(self, rule: Quiet, keys: Sequence[Key], now_ms: int) -> list[list[float]]:
        """Tweets in such a window on each of the days before that has any, per key."""
        parts: list[tuple[int, int, float]] = []
        for day in range(1, _DAYS + 1):
            end = now_ms / 1000 - day * _DAY_S
            start = end - rule.window
            hour = int(start // _HOUR_S) * _HOUR_S
            while hour < end:
                covered = min(end, hour + _HOUR_S) - max(start, hour)
                parts.append((day, hour, covered / _HOUR_S))
                hour += _HOUR_S
        tables = self._counters.hours(now_ms, [(hour, hour + _HOUR_S) for _, hour, _ in parts])
        rows = self._counters.rows_of(keys)
        per_day = np.zeros((_DAYS, len(keys)))
        for (day, _, part), table in zip(parts, tables, strict=True):
            per_day[day - 1] += np.array(_tweets(table, rows)) * part
        # A day without any tweet is a day without a worker, not a quiet one: it is left out.
        return [[number for number in of_key if number > 0] for of_key in per_day.T.tolist()]


def _tweets(table: CountTable, rows: IntArray) -> list[int]:
    tweets = table.taken(rows, "tweets", unreliable=True)
    found: list[int] = tweets.sum(axis=1).tolist()
    return found


def _finding(rule: Quiet, where: Mapping[str, str], verdict: quiet.QuietVerdict, now_ms: int) -> Finding:
    minutes = rule.window / 60
    what = where.get("watch", "the whole stream")
    measured = (
        f"{verdict.tweets} tweets in {minutes:g} minutes, {verdict.expected:.0f} are usual at this time of the day"
    )
    numbers = {"volume_now": str(verdict.tweets), "volume_before": f"{verdict.expected:.1f}"}

    def begin() -> AlertDetails:
        summary = f"{what[0].upper()}{what[1:]} has gone quiet: {measured}"
        start = now_ms // 60_000 * 60_000
        return AlertDetails(
            float(verdict.tweets), start, {"summary": summary, "description": f"{measured}.", **numbers}
        )

    def end(before: Mapping[str, str]) -> dict[str, str]:
        return {**before, "summary": f"Tweets about {what} arrive again", "description": f"{measured}.", **numbers}

    return Finding(rule, where, verdict.active, begin, end)
