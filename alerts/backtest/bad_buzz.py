"""The `bad_buzz` rule over recorded counts, tick by tick in the data's own time. Pure.

The judgement is the live evaluator's (`assess_all`), and so is the way from judgement to alert
(`alerts.state.lifecycle`).
What differs is the order of work: a column holds one subject at many instants instead of many subjects at one, so that
a week of ticks takes a fraction of a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
import numpy as np

from alerts.backtest.series import BUCKET_S, Flags, Ints, Series
from alerts.counters.counts import Counts, Volume
from alerts.detectors.bad_buzz import Evidence, Verdict, assess_all, explained
from alerts.detectors.baseline import (
    HOUR_S,
    LAGS_D,
    SLICE_S,
    WEEK_SLICES,
    Baseline,
    Past,
    Tally,
    expect,
    lately_slices,
)
from alerts.detectors.significance import Floats
from alerts.explanation.escalation import escalation, severity_of
from alerts.state.alert import Alert, Transition, fingerprint_of, labels_of
from alerts.state.lifecycle import (
    advance,
    highest,
    is_stale,
    is_worse,
    raised,
    relabelled,
    renewed,
    settles_for_s,
)
from contracts.rules.schema import BadBuzz, Severity

_TICKS: Final = 4320
"""How many ticks are judged at once while nothing fires: six hours."""
_TICKS_FIRING: Final = 360
LEAD_S: Final = 60
"""So long before the minute of an alert's start its crisis may have begun: left out of later baselines with it."""


class Found(NamedTuple):
    """An alert of the backtest with the numbers at its beginning."""

    alert: Alert
    verdict: Verdict
    fired_ms: int
    """When it was first sent: after `for`, and once its severity had settled."""


class _Judged(NamedTuple):
    """The result at some ticks in a row, an entry each; figures only where the rule may fire."""

    active: Flags
    negative: Floats
    """Negative ones in the window that fires, of what the rule counts."""
    total: Floats
    usual: Floats
    """The usual negative share."""

    def share(self, at: int) -> float:
        """Negative share of the window."""
        return float(self.negative[at] / self.total[at]) if self.total[at] else 0.0


class Replay:
    """One rule over one subject, whose labels are `where`.

    A tick is the end of a bucket; it sees the buckets before it, as a live evaluation at that instant does.
    """

    def __init__(self, rule: BadBuzz, where: Mapping[str, str], series: Series) -> None:
        self._rule = rule
        self._where = where
        self._series = series
        self._start_s = series.start_s
        self._sums = [_cumulated(counts) for counts in (series.negative, series.total)]
        self._tweet_sums = [_cumulated(counts) for counts in (series.tweets_negative, series.tweets)]
        self._minutes = [_grouped(counts, 60 // BUCKET_S) for counts in (series.past_negative, series.past_total)]
        hour = self._start_s // HOUR_S * HOUR_S
        self._first_hour = hour // HOUR_S
        lead = (self._start_s - hour) // 60
        self._hours = [
            _cumulated(_grouped(np.concatenate((np.zeros(lead, np.int64), minutes)), 60)) for minutes in self._minutes
        ]
        self._recent = [_cumulated(minutes) for minutes in self._minutes]
        self._rested_at = -np.inf

    def episodes(self, since_s: float = -np.inf) -> Iterator[tuple[int, int | None]]:
        """When alerts fired: start and end in ms, None for an end that did not come. An alert whose severity is raised
        is still the same here."""
        start, end = -1, None
        for alert, *_ in self.alerts(since_s):
            if alert.starts_at_ms != start and start >= 0:
                yield start, end
            start, end = alert.starts_at_ms, alert.ends_at_ms
        if start >= 0:
            yield start, end

    def alerts(self, since_s: float = -np.inf) -> Iterator[Found]:
        """The alerts in their order; one that lasts to the end has no `ends_at_ms`. Ticks before `since_s` are left
        out. One whose severity is raised ends, and another goes on from the same start."""
        tick = max(1, int(np.ceil((since_s - self._start_s) / BUCKET_S)) if np.isfinite(since_s) else 1)
        last = len(self._series.total)
        while tick <= last:
            until = min(tick + _TICKS, last + 1)
            if self._is_empty(tick, until):
                tick = until
                continue
            active = self._judged(tick, until, firing=False).active
            if not active.any():
                tick = until
                continue
            found, tick = self._episode(tick + int(active.argmax()))
            yield from found

    def _is_empty(self, first: int, until: int) -> bool:
        """Whether these ticks see too little for any window."""
        ticks = np.array([until - 1])
        reach = self._rule.windows[-1] + (until - first) * BUCKET_S
        return bool(_window(self._sums[0], ticks, reach)[0] < self._rule.min_negative)

    def _episode(self, tick: int) -> tuple[list[Found], int]:
        """From a tick at which the condition begins to hold to the tick after its end: one alert, and one more each
        time the severity is raised."""
        alert: Alert | None = None
        begun: Verdict | None = None
        fired_ms = 0
        found: list[Found] = []
        last = len(self._series.total)
        upto = first = held = tick
        states: dict[bool, _Judged] = {}
        is_usual = False
        while tick <= last:
            now_ms = self._ms(tick)
            firing = alert is not None and alert.has_begun
            if tick >= upto:
                first, upto = tick, min(tick + _TICKS_FIRING, last + 1)
                states = {}
            if alert is not None and firing and not is_usual and self._is_long(alert.starts_at_ms, now_ms):
                is_usual = True
                self._leave_out(alert.starts_at_ms, now_ms)
                states = {}
            if firing not in states:
                states[firing] = self._judged(first, upto, firing=firing)
            held = tick if states[firing].active[tick - first] else held
            alert, changes = self._step(alert, states[firing], tick - first, now_ms)
            for status, changed in changes:
                states = {}
                if status == "firing":
                    begun, fired_ms = self._verdict(held, firing=firing), now_ms
                    if not is_usual:
                        self._leave_out(changed.starts_at_ms, None)
                else:
                    assert begun is not None
                    found.append(Found(changed, begun, fired_ms))
                    self._leave_out(changed.starts_at_ms, now_ms)
            tick += 1
            if alert is None:
                if changes:
                    self._rested_at = now_ms / 1000
                return found, tick
        if alert is not None and begun is not None:
            found.append(Found(alert, begun, fired_ms))
        return found, tick

    def _step(self, before: Alert | None, now: _Judged, at: int, now_ms: int) -> tuple[Alert | None, list[Transition]]:
        """One look, as the live evaluator's: the alert afterwards, and its changes of state."""
        active = bool(now.active[at])
        severity = self._severity(now, at)
        if before is not None and active and is_worse(severity, before):
            begun = self._begun(now, at, now_ms, severity)
            changes = raised(before, msgspec.structs.replace(begun, starts_at_ms=before.starts_at_ms), now_ms)
            return changes[1].alert, list(changes)
        severity = highest(severity, before, active=active)
        if before is not None and before.state == "pending" and active:
            begun = self._begun(now, at, now_ms, severity)
            if begun.labels != before.labels:
                before = relabelled(before, msgspec.structs.replace(begun, starts_at_ms=before.starts_at_ms))
        alert, transition = advance(
            before,
            active=active,
            now_ms=now_ms,
            for_s=self._rule.for_,
            settle_s=settles_for_s(self._rule, severity),
            keep_firing_for_s=self._rule.keep_firing_for,
            begin=lambda: self._begun(now, at, now_ms, severity),
        )
        if transition is not None:
            return alert, [transition]
        if alert is not None and active and is_stale(alert, now_ms):
            alert = renewed(alert, value=now.share(at), annotations={}, now_ms=now_ms)
        return alert, []

    def _begun(self, now: _Judged, at: int, now_ms: int, severity: Severity | None) -> Alert:
        labels = labels_of(self._rule, severity=severity, **self._where)
        return Alert(
            kind=self._rule.kind,
            fingerprint=fingerprint_of(labels),
            labels=labels,
            annotations={},
            starts_at_ms=now_ms - BUCKET_S * 1000,
            value=now.share(at),
            explained_ms=now_ms,
        )

    def _severity(self, now: _Judged, at: int) -> Severity | None:
        """The severity from the score, None when the rule does not leave it to that."""
        if self._rule.severity != "score":
            return None
        negative, usual = int(now.negative[at]), float(now.usual[at])
        grade = escalation(share_now=now.share(at), share_before=usual, negative=negative)
        return severity_of(self._rule, grade.score)

    def _ms(self, tick: int) -> int:
        return (self._start_s + tick * BUCKET_S) * 1000

    def _is_long(self, start_ms: int, end_ms: int) -> bool:
        """Whether this is no crisis but the new usual state."""
        return end_ms - start_ms > self._rule.baseline * 1000

    def _leave_out(self, start_ms: int, end_ms: int | None) -> None:
        """Take an episode out of later baselines; all that follows while it still fires."""
        first = max((start_ms // 1000 - self._start_s) // 60 - LEAD_S // 60, 0)
        end = None if end_ms is None else -(-(end_ms // 1000 - self._start_s) // 60)
        if end_ms is not None and self._is_long(start_ms, end_ms):
            end = first
        self._recent = []
        for minutes in self._minutes:
            kept = minutes.copy()
            kept[first:end] = 0
            self._recent.append(_cumulated(kept))
        if end is not None:
            for minutes in self._minutes:
                minutes[first:end] = 0

    # What a tick sees

    def usual(self, ticks: Ints) -> Baseline:
        """What is usual at these ticks, alerts found so far left out."""
        return self._baseline(ticks)

    def _verdict(self, tick: int, *, firing: bool) -> Verdict:
        ticks = np.array([tick])
        baseline = self._baseline(ticks)
        windows = [
            _volume(
                self._rule,
                _counts(*(_window(sums, ticks, seconds) for sums in self._tweet_sums)),
                _counts(*(_window(sums, ticks, seconds) for sums in self._sums)),
            )
            for seconds in self._rule.windows
        ]
        evidence = self._evidence(ticks)
        verdicts = assess_all(self._rule, evidence, baseline, firing=np.array([firing]), rested_s=self._rested(ticks))
        return explained(self._rule, windows, baseline, verdicts, 0, firing=firing)

    def _judged(self, first: int, until: int, *, firing: bool) -> _Judged:
        ticks = np.arange(first, until)
        evidence = self._evidence(ticks)
        baseline = self._baseline(ticks)
        found = _Judged(np.zeros(len(ticks), bool), np.zeros(len(ticks)), np.zeros(len(ticks)), baseline.share)
        worth = np.flatnonzero(self._worth_it(evidence, baseline, firing=firing))
        if len(worth):
            some = [Evidence(negative[worth], total[worth]) for negative, total in evidence]
            verdicts = assess_all(
                self._rule,
                some,
                Baseline(*(column[worth] for column in baseline)),
                firing=np.full(len(worth), firing),
                rested_s=self._rested(ticks[worth]),
            )
            found.active[worth] = verdicts.active
            for numbers, windows in zip((found.negative, found.total), zip(*some, strict=True), strict=True):
                numbers[worth] = np.stack(windows)[verdicts.window, np.arange(len(worth))]
        return found

    def _worth_it(self, evidence: list[Evidence], baseline: Baseline, *, firing: bool) -> Flags:
        """Ticks at which the cheap conditions leave a chance."""
        if firing:
            return np.ones(len(baseline.share), bool)
        some = np.zeros(len(baseline.share), bool)
        for negative, total in evidence:
            some |= (
                (negative >= self._rule.min_negative)
                & (total >= self._rule.min_volume)
                & (negative > baseline.share * total)
            )
        return some

    def _evidence(self, ticks: Ints) -> list[Evidence]:
        return [Evidence(*(_window(sums, ticks, seconds) for sums in self._sums)) for seconds in self._rule.windows]

    def _rested(self, ticks: Ints) -> Floats:
        return (self._start_s + ticks * BUCKET_S).astype(np.float64) - self._rested_at

    def _baseline(self, ticks: Ints) -> Baseline:
        """What is usual at each tick; computed once a minute, in which it does not change."""
        minutes, where = np.unique((self._start_s + ticks * BUCKET_S) // 60, return_inverse=True)
        now_s = minutes * 60
        until = (now_s - int(self._rule.windows[-1])) // 60 - self._start_s // 60
        since = until - int(self._rule.baseline) // 60
        recent = Tally(*(_between(sums, since, until) for sums in self._recent))
        hours = now_s // HOUR_S - self._first_hour
        slices = _stacked(self._hours, [(hours - lag * 24 - 1, hours - lag * 24 + 2) for lag in LAGS_D])
        slice_h = SLICE_S // HOUR_S
        week = _stacked(self._hours, [(hours - (ago + 1) * slice_h, hours - ago * slice_h) for ago in WEEK_SLICES])
        # The same stretches as `baseline.spans` has, in minutes, of which crises are left out.
        ends = (now_s - int(self._rule.windows[-1])) // HOUR_S * 60 - self._start_s // 60
        width = SLICE_S // 60
        steps = range(lately_slices(self._rule))
        lately = _stacked(self._recent, [(ends - (step + 1) * width, ends - step * width) for step in steps])
        baseline = expect(self._rule, Past(recent, slices, lately, week))
        return Baseline(*(column[where] for column in baseline))


def _volume(rule: BadBuzz, tweets: Counts, counted: Counts) -> Volume:
    """What the rule counts stands for texts and voices, too."""
    return Volume(tweets) if rule.count == "tweets" else Volume(tweets, counted, counted)


def _counts(negative: Floats, total: Floats) -> Counts:
    """Neutral and positive ones are counted together here."""
    return Counts(int(negative[0]), int(total[0] - negative[0]), 0)


def _cumulated(counts: Ints) -> Ints:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))


def _grouped(counts: Ints, width: int) -> Ints:
    padded = np.concatenate((counts, np.zeros(-len(counts) % width, np.int64)))
    grouped: Ints = padded.reshape(-1, width).sum(axis=1)
    return grouped


def _between(sums: Ints, since: Ints, until: Ints) -> Floats:
    end = len(sums) - 1
    return (sums[np.clip(until, 0, end)] - sums[np.clip(since, 0, end)]).astype(np.float64)


def _stacked(sums: list[Ints], spans: list[tuple[Ints, Ints]]) -> Tally:
    """Negative and all texts, a row per span."""
    if not spans:
        return Tally(np.zeros((0, 1)), np.zeros((0, 1)))
    return Tally(*(np.stack([_between(of, *span) for span in spans]) for of in sums))


def _window(sums: Ints, ticks: Ints, seconds: float) -> Floats:
    return _between(sums, ticks - -(-int(seconds) // BUCKET_S), ticks)
