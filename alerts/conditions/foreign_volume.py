"""`foreign_volume`: tweets of each watch in languages that the model does not know, against what is usual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import numpy as np

from alerts.conditions.finding import AlertDetails, AlertKey, Finding, Moment, alert_key_of
from alerts.counters.counts import ALL_THEMES, STREAM, Key, Volume
from alerts.counters.store import CounterStore
from alerts.counters.table import CountTable, IntArray
from alerts.detectors import foreign_volume
from alerts.detectors.foreign_volume import DAYS, HOUR_S, Past, Verdict
from alerts.explanation import foreign_volume as explanation
from alerts.state.alert import Alert
from contracts.rules.schema import BaseRule, ForeignVolume, Rules, Unit

_DAY_S: Final = 86_400
_SAMPLES_BEFORE_MS: Final = 86_400_000
_USUAL_FOR_MS: Final = 10_000
"""How long the usual volume is kept before it is computed again."""


class _Subject(NamedTuple):
    watch: str
    terms: tuple[str, ...]
    alert_key: AlertKey

    @property
    def key(self) -> Key:
        return self.watch, ALL_THEMES


class ForeignVolumeCondition:
    """Looks at watches that have enough such tweets in the window, and at those that have an alert."""

    def __init__(self, rules: Rules, counters: CounterStore, *, bucket_s: int) -> None:
        self._counters = counters
        self._bucket_s = bucket_s
        self._known: dict[AlertKey, tuple[int, int | None, float | None]] = {}
        """When what is usual was worked out, the beginning of the alert then, and what it was."""
        self._rules = [
            (
                rule,
                [
                    _Subject(watch.name, watch.match, alert_key_of({"alertname": rule.alert, "watch": watch.name}))
                    for watch in rules.watches
                    if rule.watches is None or watch.name in rule.watches
                ],
            )
            for rule in rules.rules
            if isinstance(rule, ForeignVolume) and rule.enabled
        ]

    def covers(self, rule: BaseRule, alert: Alert, /) -> bool:
        """The watches that the rule names."""
        return any(one is rule and alert_key_of(alert.labels) in {s.alert_key for s in of} for one, of in self._rules)

    def findings(self, moment: Moment) -> Iterator[Finding]:
        """Of every subject whose condition holds or that has an alert."""
        for rule, subjects in self._rules:
            table = self._counters.window(moment.now_ms, rule.window)
            rows = self._counters.rows_of([subject.key for subject in subjects])
            for subject, volume in zip(subjects, _taken(table, rows, rule.count), strict=True):
                alert = moment.alerts.get(subject.alert_key)
                if volume < rule.min_volume and alert is None:
                    continue
                expected = self._usual(rule, subject, alert, moment.now_ms)
                verdict = foreign_volume.judge(rule, volume, expected, firing=moment.firing(subject.alert_key))
                if verdict.active or alert is not None:
                    yield self._finding(rule, subject, verdict, alert, moment.now_ms)

    def _usual(self, rule: ForeignVolume, subject: _Subject, alert: Alert | None, now_ms: int) -> float | None:
        begun = None if alert is None else alert.starts_at_ms
        known = self._known.get(subject.alert_key)
        if known is None or known[1] != begun or not 0 <= now_ms - known[0] < _USUAL_FOR_MS:
            known = now_ms, begun, foreign_volume.usual(rule, self._past(rule, subject, alert, now_ms))
            self._known[subject.alert_key] = known
        return known[2]

    def _past(self, rule: ForeignVolume, subject: _Subject, alert: Alert | None, now_ms: int) -> Past:
        """Counts before the window, and before the alert where it is shorter than the baseline."""
        since, until = self._counters.baseline_bounds(now_ms, window_s=rule.window, baseline_s=rule.baseline)
        if alert is not None and now_ms - alert.starts_at_ms < rule.baseline * 1000:
            until = min(until, alert.starts_at_ms // 60_000 * 60)
        last = until // HOUR_S * HOUR_S
        recent = [(start, start + HOUR_S) for start in range(-(-since // HOUR_S) * HOUR_S, last, HOUR_S)]
        hour = now_ms // 1000 // HOUR_S * HOUR_S
        # Three hours around this one, as the baseline of `bad_buzz` has.
        days = [(hour - day * _DAY_S - HOUR_S, hour - day * _DAY_S + 2 * HOUR_S) for day in DAYS]
        tables = self._counters.hours(now_ms, [*recent, *days])
        rows = self._counters.rows_of([subject.key, (STREAM, ALL_THEMES)])
        counted = [(_taken(table, rows[:1], rule.count)[0], _any(table.tweets, rows[1])) for table in tables]
        hours = [float(volume) for volume, some in counted[: len(recent)] if some]
        same_time = [volume / 3 for volume, some in counted[len(recent) :] if some]
        before, seconds = self._minutes(subject.key, since, until, now_ms, rule) if len(hours) < 3 else (0, 0)
        return Past(hours, same_time, before, seconds)

    def _minutes(self, key: Key, since: int, until: int, now_ms: int, rule: ForeignVolume) -> tuple[int, int]:
        """Such tweets from the first minute on in which anything was counted, and for how long that was."""
        self._counters.baseline(now_ms, window_s=rule.window, baseline_s=rule.baseline)  # refreshes what follows
        minutes = self._counters.baseline_series((STREAM, ALL_THEMES), since, until, unreliable=True)
        if not minutes:
            return 0, 0
        counted = _foreign(
            self._counters.baseline_series(key, since, until, unreliable=True),
            self._counters.baseline_series(key, since, until),
            rule.count,
        )
        return sum(counted.values()), until - min(minutes)

    def _finding(
        self, rule: ForeignVolume, subject: _Subject, verdict: Verdict, alert: Alert | None, now_ms: int
    ) -> Finding:
        def begin() -> AlertDetails:
            starts_at_ms = self._since_ms(rule, subject.key, verdict, now_ms) if alert is None else alert.starts_at_ms
            since, _ = self._counters.window_bounds(now_ms, rule.window)
            start_ms = min(since * 1000, starts_at_ms)
            samples = self._counters.samples(subject.watch, start_ms - _SAMPLES_BEFORE_MS, foreign=True)
            parted = {
                "now": [sample for sample in samples if sample.created_at_ms >= start_ms],
                "before": [sample for sample in samples if sample.created_at_ms < start_ms],
            }
            annotations = explanation.begun(rule, subject.watch, verdict, subject.terms, parted)
            return AlertDetails(float(verdict.volume), starts_at_ms, annotations)

        def end(before: Mapping[str, str]) -> dict[str, str]:
            return explanation.ended(rule, subject.watch, verdict, before)

        return Finding(rule, {"watch": subject.watch}, verdict.active, begin, end)

    def _since_ms(self, rule: ForeignVolume, key: Key, verdict: Verdict, now_ms: int) -> int:
        """Start of the bucket in which the condition first held, at most a window ago. Computed from the counts alone,
        so that an evaluation repeated after a crash has the same result, and its notification the same id."""
        since, until = self._counters.window_bounds(now_ms, rule.window)
        width = self._bucket_s
        first = since - (until - since)
        counted = _foreign(
            self._counters.bucket_series(key, first, until, unreliable=True),
            self._counters.bucket_series(key, first, until),
            rule.count,
        )
        starts = range(first, until, width)
        sums = np.cumsum([0, *(counted.get(start, 0) for start in starts)])
        buckets = (until - since) // width
        begin = until - width
        for end in range(len(starts) - 1, buckets, -1):
            held = int(sums[end] - sums[end - buckets])
            if not foreign_volume.judge(rule, held, verdict.expected, firing=False).active:
                break
            begin -= width
        return begin * 1000


def _taken(table: CountTable, rows: IntArray, unit: Unit) -> list[int]:
    """Counts of tweets in languages that the model does not know, for each row."""
    found: list[int] = (table.taken(rows, unit, unreliable=True) - table.taken(rows, unit)).sum(axis=1).tolist()
    return found


def _foreign(everything: Mapping[int, Volume], known: Mapping[int, Volume], unit: Unit) -> dict[int, int]:
    """The same by the start of its minute or bucket."""
    return {
        start: volume.counted(unit).total - known.get(start, Volume()).counted(unit).total
        for start, volume in everything.items()
    }


def _any(tweets: IntArray, row: int) -> bool:
    return 0 <= row < len(tweets) and bool(tweets[row].any())
