from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cache, partial

import msgspec
import numpy as np
import pytest

from alerts.backtest.bad_buzz import LEAD_S, Replay
from alerts.backtest.drift import Answers, replay_drift
from alerts.backtest.quiet import replay_quiet
from alerts.backtest.series import BUCKET_S, Series, Span, count
from alerts.counters.counts import Counts, Volume
from alerts.detectors.bad_buzz import NEVER_RESTED
from alerts.detectors.baseline import Baseline, Past, Tally, expect, spans
from alerts.detectors.drift import Reference
from alerts.explanation.escalation import escalation, severity_of
from alerts.state.alert import Alert
from alerts.state.lifecycle import advance, resolved
from contracts.rules.schema import BadBuzz, Drift, Quiet
from tests.unit.alerts.one_subject import assess

START_S = 1_767_571_200 + 40 * 60
RULE = BadBuzz(alert="BadBuzz", kind="bad_buzz", keep_firing_for="2m", windows=("1m", "5m", "15m"), baseline="2h")
WHERE = {"watch": "acme"}


def traffic(seed: int, hours: float = 30.0, crises: int = 2) -> Series:
    """An uneven stream of one watch with some crises in it."""
    source = np.random.default_rng(seed)
    length = int(hours * 3600)
    rate = 0.08 * (1.2 + np.sin(np.arange(length) / 86_400 * 2 * np.pi))
    share = np.full(length, 0.25)
    for _ in range(crises):
        begin = int(source.integers(length // 3, length - 3600))
        end = begin + int(source.integers(600, 2400))
        rate[begin:end] *= source.uniform(2, 6)
        share[begin:end] = source.uniform(0.5, 0.9)
    number = source.poisson(rate)
    times = START_S + np.repeat(np.arange(length), number)
    negative = source.random(len(times)) < np.repeat(share, number)
    texts = np.arange(len(times), dtype=np.uint64)
    return count(Span(START_S, length // BUCKET_S), times, negative, texts)


def count_between(series: Series, before: np.ndarray, since_s: float, until_s: float) -> int:
    """From what was counted before each bucket."""
    first, last = (int(max(moment - series.start_s, 0)) // BUCKET_S for moment in (since_s, until_s))
    most = len(before) - 1
    return int(before[min(last, most)] - before[min(first, most)])


def so_far(counts: np.ndarray) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)])


def tally(series: Series, some: Sequence[tuple[float, float]], without: Sequence[tuple[int, int]] = ()) -> Tally:
    columns = []
    for counts in (series.past_negative, series.past_total):
        kept = counts.copy()
        for first, last in without:
            low, high = (max(moment - series.start_s, 0) // BUCKET_S for moment in (first, last))
            kept[low:high] = 0
        before = so_far(kept)
        found = [float(count_between(series, before, *span)) for span in some]
        columns.append(np.array(found).reshape(len(some), 1))
    return Tally(*columns)


def with_the_higher_severity(now: Alert, before: Alert | None, *, active: bool) -> tuple[Alert, Alert | None]:
    """While it is pending the severity only rises, and not by what is seen while the condition does not hold."""
    if before is None or before.state != "pending":
        return now, before
    both = [before.labels["severity"], *([now.labels["severity"]] if active else [])]
    labels = {"severity": max(both, key=["info", "warning", "critical"].index)}
    return msgspec.structs.replace(now, labels=labels), msgspec.structs.replace(before, labels=labels)


def settles_for(rule: BadBuzz, alert: Alert) -> float:
    """A critical alert has nothing to rise to."""
    return 0.0 if alert.labels["severity"] == "critical" else rule.severity_settle


def tick_by_tick(rule: BadBuzz, series: Series) -> list[Alert]:
    """What a live evaluator does at the end of every bucket, written as plainly as can be."""
    found: list[Alert] = []
    alert: Alert | None = None
    excluded: list[tuple[int, int]] = []
    rested_at = -np.inf

    between = partial(count_between, series)
    negative_before, total_before = so_far(series.negative), so_far(series.total)

    @cache
    def usual_at(now_s: int, fires_since_ms: int | None, _episodes: int) -> Baseline:
        crises = list(excluded)
        if fires_since_ms is not None:
            crises.append((fires_since_ms // 60_000 * 60 - LEAD_S, now_s))
        until = int((now_s - rule.windows[-1]) // 60) * 60
        recent = tally(series, [(until - rule.baseline, until)], without=crises)
        past = spans(rule, now_s)
        return expect(
            rule,
            Past(
                Tally(recent.negative[0], recent.total[0]),
                tally(series, past.slices),
                tally(series, past.lately, without=crises),
                tally(series, past.week),
            ),
        )

    for tick in range(1, len(series.total) + 1):
        now_s = series.start_s + tick * BUCKET_S
        windows = []
        for seconds in rule.windows:
            negative, total = (between(c, now_s - seconds, now_s) for c in (negative_before, total_before))
            counts = Counts(negative, total - negative, 0)
            windows.append(Volume(counts, counts, counts))
        firing = alert is not None and alert.has_begun
        # As live, a subject without an alert and with next to nothing in its longest window is not looked at.
        if alert is None and windows[-1].voices.total < rule.min_volume:
            continue
        fires_since_ms = alert.starts_at_ms if alert is not None and firing else None
        if fires_since_ms is not None and now_s * 1000 - fires_since_ms > rule.baseline * 1000:
            fires_since_ms = None  # no crisis any more, but what is usual
        usual = usual_at(now_s // 60 * 60, fires_since_ms, len(excluded))
        rested = now_s - rested_at if np.isfinite(rested_at) else NEVER_RESTED
        verdict = assess(rule, windows, usual, firing=firing, rested_s=rested)
        now = verdict.counted
        grade = escalation(share_now=now.share, share_before=verdict.past_share, negative=now.negative)
        severity = severity_of(rule, grade.score)
        begin = Alert(
            "bad_buzz",
            "",
            {"severity": severity},
            {},
            (now_s - BUCKET_S) * 1000,
            now.share,
            explained_ms=now_s * 1000,
        )
        if alert is not None and alert.state == "firing" and verdict.active:
            if severity == "critical" != alert.labels["severity"]:
                found.append(resolved(alert, now_s * 1000))
                excluded.append((alert.starts_at_ms // 60_000 * 60 - LEAD_S, -(-now_s // 60) * 60))
                alert = msgspec.structs.replace(begin, starts_at_ms=alert.starts_at_ms)
                continue
            if now_s * 1000 - alert.explained_ms >= 60_000:
                alert = msgspec.structs.replace(alert, value=now.share, explained_ms=now_s * 1000)
        begin, alert = with_the_higher_severity(begin, alert, active=verdict.active)
        alert, transition = advance(
            alert,
            active=verdict.active,
            now_ms=now_s * 1000,
            for_s=rule.for_,
            settle_s=settles_for(rule, begin),
            keep_firing_for_s=rule.keep_firing_for,
            begin=partial(copy, begin),
        )
        if transition is not None and transition.status == "resolved":
            found.append(transition.alert)
            rested_at = now_s
            start_ms = transition.alert.starts_at_ms
            if now_s * 1000 - start_ms > rule.baseline * 1000:
                continue
            excluded.append((start_ms // 60_000 * 60 - LEAD_S, -(-now_s // 60) * 60))
    return found if alert is None or alert.state != "firing" else [*found, alert]


@pytest.mark.parametrize(
    ("seed", "wait_s", "settle_s", "hours", "baseline_h"),
    [
        (1, 60.0, 0.0, 3.5, 2),
        (3, 0.0, 45.0, 3.5, 0.4),
        (5, 20.0, 30.0, 3.5, 2),
    ],
)
def test_columns_find_what_looking_tick_by_tick_finds(
    seed: int, wait_s: float, settle_s: float, hours: float, baseline_h: float
) -> None:
    rule = RULE.model_copy(
        update={"for_": wait_s, "severity_settle": settle_s, "false_alarms": 20.0, "baseline": baseline_h * 3600.0}
    )
    series = traffic(seed, hours=hours, crises=2)
    found = [one.alert for one in Replay(rule, WHERE, series).alerts()]
    expected = tick_by_tick(rule, series)
    assert expected
    assert [(one.labels["severity"], one.starts_at_ms, one.ends_at_ms) for one in found] == [
        (one.labels["severity"], one.starts_at_ms, one.ends_at_ms) for one in expected
    ]
    assert [one.value for one in found] == [one.value for one in expected]


def test_an_alert_at_the_end_of_the_recording_has_no_end() -> None:
    series = traffic(9, hours=12, crises=0)
    last = slice(-120, None)
    series.negative[last] = series.total[last] = series.past_negative[last] = series.past_total[last] = 3
    (found,) = Replay(RULE, WHERE, series).alerts()
    assert found.alert.ends_at_ms is None
    assert found.verdict.active
    assert found.alert.labels["watch"] == "acme"


def test_an_alert_whose_severity_is_raised_is_two_alerts_and_one_episode() -> None:
    series = traffic(0, hours=6, crises=0)
    for minutes, negative, total in ((60, 4, 8), (55, 20, 21)):
        last = slice(-minutes * 60 // BUCKET_S, None)
        for counts, number in ((series.negative, negative), (series.total, total)):
            counts[last] = number
    for past, counts in ((series.past_negative, series.negative), (series.past_total, series.total)):
        past[:] = counts
    milder, worse = (one.alert for one in Replay(RULE, WHERE, series).alerts())
    assert (milder.labels["severity"], worse.labels["severity"]) == ("warning", "critical")
    assert milder.fingerprint != worse.fingerprint
    assert milder.starts_at_ms == worse.starts_at_ms
    assert milder.ends_at_ms is not None
    assert (worse.ends_at_ms, worse.value) == (None, 20 / 21)
    assert list(Replay(RULE, WHERE, series).episodes()) == [(worse.starts_at_ms, None)]
    fixed = RULE.model_copy(update={"severity": "warning"})
    (alone,) = (one.alert for one in Replay(fixed, WHERE, series).alerts())
    assert (alone.labels["severity"], alone.starts_at_ms, alone.ends_at_ms) == ("warning", worse.starts_at_ms, None)


def rising(milder: int, worse_after_s: int) -> Series:
    """Two thirds of a stream become negative, and after so many seconds nearly all of it."""
    series = traffic(0, hours=6, crises=0)
    for seconds, negative, total in ((3600, milder, 8), (3600 - worse_after_s, 20, 21)):
        last = slice(-seconds // BUCKET_S, None)
        for counts, number in ((series.negative, negative), (series.total, total)):
            counts[last] = number
    for past, counts in ((series.past_negative, series.negative), (series.past_total, series.total)):
        past[:] = counts
    return series


def test_a_severity_that_rises_at_once_comes_with_the_first_notification_and_a_critical_alert_never_waits() -> None:
    series = rising(4, 300)
    unsettled = RULE.model_copy(update={"severity_settle": 0.0})
    milder, worse = Replay(unsettled, WHERE, series).alerts()
    assert (milder.alert.labels["severity"], worse.alert.labels["severity"]) == ("warning", "critical")
    settled = RULE.model_copy(update={"severity_settle": 360.0})
    (alone,) = Replay(settled, WHERE, series).alerts()
    assert alone.alert.labels["severity"] == "critical"
    assert alone.alert.starts_at_ms == milder.alert.starts_at_ms
    assert alone.fired_ms == worse.fired_ms


def test_an_alert_that_stays_mild_fires_when_its_severity_has_settled() -> None:
    series = rising(4, 300)
    at_once, worse = Replay(RULE.model_copy(update={"severity_settle": 0.0}), WHERE, series).alerts()
    later, same = Replay(RULE.model_copy(update={"severity_settle": 30.0}), WHERE, series).alerts()
    assert later.alert == msgspec.structs.replace(at_once.alert, explained_ms=later.alert.explained_ms)
    assert later.alert.labels["severity"] == "warning"
    assert later.fired_ms - at_once.fired_ms == 30_000
    assert same.fired_ms == worse.fired_ms


def first_told(rule: BadBuzz, series: Series) -> dict[int, int]:
    """When each alert is first told, by its start; one whose severity is raised is the same."""
    told: dict[int, int] = {}
    for alert, _, fired_ms in Replay(rule, WHERE, series).alerts():
        told.setdefault(alert.starts_at_ms, fired_ms)
    return told


def test_what_fires_without_a_wait_for_the_severity_fires_with_it_and_is_told_no_later_than_the_wait() -> None:
    settled = RULE.model_copy(update={"false_alarms": 20.0, "severity_settle": 30.0})
    at_once = settled.model_copy(update={"severity_settle": 0.0})
    waited = 0
    for seed in range(6):
        series = traffic(seed, hours=5, crises=2)
        told, later = first_told(at_once, series), first_told(settled, series)
        assert later.keys() == told.keys()
        delays = [later[start] - told[start] for start in told]
        assert all(0 <= delay <= 30_000 for delay in delays)
        waited += sum(delay > 0 for delay in delays)
    assert waited


def test_what_lasts_longer_than_the_baseline_is_the_new_usual() -> None:
    series = traffic(0, hours=6, crises=0)
    last = slice(-7200 // BUCKET_S, None)
    for counts in (series.negative, series.past_negative):
        counts[last] = 3
    for counts in (series.total, series.past_total):
        counts[last] = 4
    ((start_ms, end_ms),) = Replay(RULE.model_copy(update={"baseline": 3600.0}), WHERE, series).episodes()
    assert end_ms is not None
    assert 3600 < (end_ms - start_ms) / 1000 < 4500


def test_ordinary_days_are_calm() -> None:
    assert [one for seed in range(20, 23) for one in Replay(RULE, WHERE, traffic(seed, 24, 0)).alerts()] == []


@pytest.mark.parametrize("is_same", [False, True])
def test_a_second_crisis_right_after_the_first_is_told_when_others_complain_and_not_when_the_same_do(
    is_same: bool,
) -> None:
    """360 people within 45 s, and two minutes after the alert has ended again."""
    source = np.random.default_rng(5)
    day, length = 86_400, 86_400 + 3600
    calm = np.sort(source.integers(0, length, 300))
    crowd = np.arange(10_000, 10_360)
    others = crowd if is_same else crowd + 1000

    def alerts(again_s: float) -> list[Alert]:
        crises = [(float(day), crowd), *([(again_s, others)] if again_s else [])]
        times = np.concatenate([calm, *(begin + np.arange(360) // 8 for begin, _ in crises)]).astype(np.int64)
        authors = np.concatenate([np.arange(1, 301), *(people for _, people in crises)]).astype(np.uint64)
        negative = np.concatenate([source.random(300) < 0.25, np.ones(360 * len(crises), bool)])
        span = Span(START_S, length // BUCKET_S)
        series = count(span, START_S + times, negative, authors, authors=authors)
        return [one.alert for one in Replay(RULE, WHERE, series).alerts()]

    (first,) = alerts(0)
    assert first.ends_at_ms is not None
    again_s = first.ends_at_ms // 1000 - START_S + 120
    second = alerts(again_s)[1:]
    if is_same:
        assert second == []
    else:
        assert 0 <= second[0].starts_at_ms // 1000 - START_S - again_s <= 60


def test_quiet_fires_while_a_watch_is_silent_at_a_usual_hour() -> None:
    rule = Quiet(alert="Quiet", kind="quiet", watches=("acme",))
    tweets = np.full(4 * 86_400 // BUCKET_S, 1, np.int64)
    silent = slice(3 * 17_280 + 6000, 3 * 17_280 + 7000)
    tweets[silent] = 0
    (found,) = replay_quiet(rule, WHERE, Series(START_S, *(tweets for _ in range(6))))
    began = START_S + silent.start * BUCKET_S
    assert began + 600 <= found.starts_at_ms / 1000 <= began + 960
    assert found.ends_at_ms is not None
    assert found.ends_at_ms / 1000 <= START_S + silent.stop * BUCKET_S + 300


def test_drift_fires_when_the_model_says_something_else_than_in_training() -> None:
    rule = Drift(alert="Drift", kind="drift", within="1h", min_tweets=100)
    source = np.random.default_rng(5)
    hours = 12
    times = START_S + np.arange(0, hours * 3600, 10)
    shift = (times >= START_S + 6 * 3600) & (times < START_S + 9 * 3600)
    negative = source.random(len(times)) < np.where(shift, 0.9, 0.3)
    sure = np.array([[0.8, 0.1, 0.1], [0.1, 0.1, 0.8]], np.float32)[np.where(negative, 0, 1)]
    bins = [0.0] * 20
    bins[16] = 1.0
    reference = Reference((0.3, 0.0, 0.7), tuple(bins))
    (found,) = replay_drift(rule, {"model_version": "7"}, Answers(times, sure), reference)
    assert found.labels == {"alertname": "Drift", "severity": "warning", "model_version": "7"}
    assert START_S + 6 * 3600 <= found.starts_at_ms / 1000 <= START_S + 7 * 3600
    assert found.ends_at_ms is not None
    assert START_S + 9 * 3600 <= found.ends_at_ms / 1000 <= START_S + 10.2 * 3600
