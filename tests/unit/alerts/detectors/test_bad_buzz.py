from __future__ import annotations

import numpy as np
import pytest

from alerts.counters.counts import Counts, Volume
from alerts.detectors.bad_buzz import Evidence, assess_all
from alerts.detectors.baseline import LAGS_D, WEEK_SLICES, Baseline, Past, Tally, expect, lately_slices, spans
from contracts.rules.schema import BadBuzz
from tests.unit.alerts.one_subject import assess

RULE = BadBuzz(alert="BadBuzz", kind="bad_buzz")
MINUTE = RULE.model_copy(update={"windows": (60.0,)})


def texts(negative: int, others: int) -> Volume:
    counts = Counts(negative, others, 0)
    return Volume(counts, counts, counts)


def usual(
    share: float = 0.3,
    a_day: int = 7200,
    *,
    rule: BadBuzz = RULE,
    today: float | None = None,
    week: float | None = None,
    slices: Tally | None = None,
) -> Baseline:
    """A watch that has had the same share and volume for a month, but for the share of the last day and the share of
    the week before."""
    today = share if today is None else today

    def tally(of: float, *totals: float) -> Tally:
        total = np.array(totals).reshape(-1, 1)
        return Tally(total * of, total)

    recent = Tally(np.array([a_day * today]), np.array([float(a_day)]))
    lately = tally(today, *[a_day / 8] * lately_slices(rule))
    before = tally(today if week is None else week, *[a_day / 8] * len(WEEK_SLICES))
    return expect(rule, Past(recent, slices or tally(share, *[a_day / 8] * len(LAGS_D)), lately, before))


def unknown(rule: BadBuzz = RULE) -> Baseline:
    def nothing(rows: int) -> Tally:
        return Tally(np.zeros((rows, 1)), np.zeros((rows, 1)))

    recent = Tally(np.zeros(1), np.zeros(1))
    return expect(rule, Past(recent, nothing(len(LAGS_D)), nothing(lately_slices(rule)), nothing(len(WEEK_SLICES))))


def active(now: Volume, baseline: Baseline | None = None, *, firing: bool = False) -> bool:
    """The last minute alone."""
    return assess(MINUTE, [now], usual() if baseline is None else baseline, firing=firing).active


def test_a_crisis_is_active_and_an_ordinary_minute_is_not() -> None:
    assert active(texts(85, 15))
    assert not active(texts(30, 70))


def test_a_happy_storm_and_a_burst_of_the_usual_mix_are_no_crisis() -> None:
    assert not active(texts(50, 4200))
    assert not active(texts(3000, 7000))


def test_too_few_texts_or_negatives_never_start_it() -> None:
    assert not active(texts(19, 0))
    assert active(texts(20, 0))
    assert not active(texts(9, 11), usual(0.005))


def test_one_text_repeated_a_thousand_times_is_one_voice() -> None:
    storm = Volume(tweets=Counts(1030, 70, 0), texts=Counts(31, 70, 0), voices=Counts(31, 70, 0))
    assert not active(storm)


def test_what_chance_explains_does_not_start_it() -> None:
    assert not active(texts(12, 12))  # half negative, but 12 of 24 at 30 % is nothing rare
    assert active(texts(120, 120))


def test_a_small_watch_is_found_by_a_long_window() -> None:
    baseline = usual(a_day=480)  # 20 an hour
    windows = [texts(3, 0), texts(8, 1), texts(20, 3), texts(45, 15)]
    verdict = assess(RULE, windows, baseline, firing=False)
    assert verdict.active
    assert verdict.window_s > 60
    chance = [texts(3, 0), texts(8, 1), texts(9, 2), texts(14, 12)]
    assert not assess(RULE, chance, baseline, firing=False).active


def test_a_long_window_starts_nothing_that_is_over() -> None:
    over = [texts(0, 2), texts(2, 8), texts(60, 30), texts(120, 60)]
    assert not assess(RULE, over, usual(a_day=1440), firing=False).active


def test_windows_that_reach_back_into_the_last_alert_are_not_looked_at() -> None:
    windows = [texts(3, 1), texts(9, 2), texts(60, 30), texts(200, 60)]
    assert assess(RULE, windows, usual(a_day=1440), firing=False).active
    assert not assess(RULE, windows, usual(a_day=1440), firing=False, rested_s=600).active


def test_more_volume_makes_the_same_share_more_surprising() -> None:
    assert not active(texts(30, 25), usual(a_day=80_000))
    assert active(texts(30, 25), usual(a_day=1440))


def test_a_watch_whose_share_wanders_needs_more() -> None:
    calm = usual()
    total = np.full((len(LAGS_D), 1), 900.0)
    wandering = total * (0.3 + np.array([-0.15, -0.1, -0.1, -0.05, 0.0, 0.02, 0.08, 0.1, 0.1, 0.15])[:, np.newaxis])
    recent = Tally(np.array([2160.0]), np.array([7200.0]))
    week = Tally(np.full((len(WEEK_SLICES), 1), 270.0), np.full((len(WEEK_SLICES), 1), 900.0))
    wild = expect(RULE, Past(recent, Tally(wandering, total), Tally(wandering[1:8], total[1:8]), week))
    assert wild.dispersion[0] > 2 * calm.dispersion[0]
    assert active(texts(70, 70), calm)
    assert not active(texts(70, 70), wild)


def test_in_a_long_burst_a_single_minute_needs_more_than_at_its_beginning() -> None:
    rule = RULE.model_copy(update={"windows": (60.0, 3600.0)})
    baseline = usual(a_day=1440)
    odd_minute = texts(45, 60)
    assert assess(rule, [odd_minute, texts(60, 105)], baseline, firing=False).active
    assert not assess(rule, [odd_minute, texts(1500, 3500)], baseline, firing=False).active


def test_once_firing_it_stays_until_the_share_is_near_the_past() -> None:
    between = texts(44, 60)  # 1.4 times the past: not enough to start at the usual volume, enough to stay
    baseline = usual(a_day=150_000)
    assert not active(between, baseline)
    assert active(between, baseline, firing=True)
    assert not active(texts(33, 67), baseline, firing=True)


def test_neither_a_handful_of_tweets_nor_an_empty_window_keeps_it_alive() -> None:
    assert not active(texts(2, 0), firing=True)
    assert not active(texts(0, 0), firing=True)
    assert not active(texts(0, 0))


def test_without_a_past_the_prior_is_compared_with() -> None:
    verdict = assess(MINUTE, [texts(40, 10)], unknown(), firing=False)
    assert verdict.active
    assert verdict.past_share == pytest.approx(RULE.prior_share)
    assert not active(texts(17, 33), unknown())


def test_a_watch_that_is_mostly_negative_anyway_can_still_fire() -> None:
    assert not active(texts(140, 60), usual(0.7))
    assert active(texts(195, 5), usual(0.7))


def test_the_time_of_the_day_decides_what_is_usual() -> None:
    mornings = usual(0.5, today=0.3)
    assert not active(texts(70, 70), mornings)
    assert mornings.share[0] == pytest.approx(0.5, abs=0.02)


def test_a_week_that_was_worse_as_a_whole_does_not_hide_a_crisis_of_today() -> None:
    """It was filled in afterwards, or another model has judged it."""
    filled_in = usual(0.5, today=0.3, week=0.5)
    assert filled_in.share[0] == pytest.approx(0.3, abs=0.03)
    assert active(texts(75, 65), filled_in)


def test_a_level_that_chance_explains_does_not_move_the_seasonal_past() -> None:
    assert usual(0.3, a_day=240, today=0.33, week=0.3).share[0] == pytest.approx(0.3, abs=0.015)


def test_one_odd_morning_is_not_what_mornings_are_like() -> None:
    """Praise that thousands passed on yesterday at this hour, and nothing known before."""
    total, negative = np.zeros((len(LAGS_D), 1)), np.zeros((len(LAGS_D), 1))
    total[0], negative[0] = 10_000.0, 500.0
    assert usual(0.4, slices=Tally(negative, total)).share[0] == pytest.approx(0.4, abs=0.01)


def test_crises_of_the_week_do_not_make_a_quiet_day_look_like_a_fall() -> None:
    """Their minutes are left out of today's level; a level of the week with them would be higher than any quiet day."""
    total = np.full((len(WEEK_SLICES), 1), 900.0)
    negative = total * 0.3
    total[::8], negative[::8] = 5000.0, 4400.0  # one crisis a day: it is half of the day's tweets
    recent = Tally(np.array([2160.0]), np.array([7200.0]))
    lately = Tally(np.full((lately_slices(RULE), 1), 270.0), np.full((lately_slices(RULE), 1), 900.0))
    slices = Tally(np.full((len(LAGS_D), 1), 270.0), np.full((len(LAGS_D), 1), 900.0))
    found = expect(RULE, Past(recent, slices, lately, Tally(negative, total)))
    assert found.share[0] == pytest.approx(0.3, abs=0.01)


def test_a_crisis_of_some_hours_of_today_is_not_todays_level() -> None:
    total = np.full((lately_slices(RULE), 1), 900.0)
    negative = total * 0.3
    negative[1:3] = 800.0
    recent = Tally(negative.sum(axis=0), total.sum(axis=0))
    slices = Tally(np.full((len(LAGS_D), 1), 270.0), np.full((len(LAGS_D), 1), 900.0))
    week = Tally(np.full((len(WEEK_SLICES), 1), 270.0), np.full((len(WEEK_SLICES), 1), 900.0))
    assert expect(RULE, Past(recent, slices, Tally(negative, total), week)).share[0] == pytest.approx(0.3, abs=0.02)


def test_one_terrible_day_of_the_past_is_left_out() -> None:
    total = np.full((len(LAGS_D), 1), 900.0)
    negative = total * 0.3
    negative[2] = 800.0
    assert usual(slices=Tally(negative, total)).share[0] < 0.31


def test_the_past_is_made_of_whole_hours_that_are_over() -> None:
    now_s = 1_800_000_123
    past = spans(RULE, now_s)
    assert len(past.lately) == lately_slices(RULE) >= 3
    for start, end in (*past.slices, *past.lately, *past.week):
        assert start % 3600 == 0 == end % 3600
        assert end <= now_s - 3600
    assert min(start for start, _ in past.lately) >= now_s - RULE.windows[-1] - RULE.baseline
    assert max(end for _, end in (*past.slices, *past.week)) < now_s - 20 * 3600


def test_a_rule_that_looks_at_two_hours_only_knows_no_level_of_the_last_day() -> None:
    assert spans(RULE.model_copy(update={"baseline": 7200.0}), 1_800_000_123).lately == []


@pytest.mark.parametrize("a_window", [30, 300, 3000])
def test_it_fires_about_as_often_by_chance_as_is_stated(a_window: int) -> None:
    """Independent windows at the usual share, so many that `false_alarms` of 500 are some dozens."""
    rule = MINUTE.model_copy(update={"growth": 1.0, "false_alarms": 500.0, "dispersion": 0.0, "min_volume": 1})
    source = np.random.default_rng(a_window)
    windows = 43_200  # minutes in 30 days
    total = np.full(windows, float(a_window))
    baseline = Baseline(np.full(windows, 0.3), np.zeros(windows), np.zeros(windows), np.full(windows, 1e6))
    negative = source.binomial(a_window, 0.3, windows).astype(float)
    verdicts = assess_all(
        rule, [Evidence(negative, total)], baseline, firing=np.zeros(windows, bool), rested_s=np.full(windows, np.inf)
    )
    # Windows side by side are fewer looks than one that slides, so the stated rate is an upper bound here.
    assert 0 < verdicts.active.sum() <= 500


def test_columns_say_the_same_as_one_by_one() -> None:
    source = np.random.default_rng(3)
    size = 200
    totals = [source.poisson(seconds / 4, size).astype(float) for seconds in RULE.windows]
    evidence = [
        Evidence(source.binomial(t.astype(int), source.uniform(0.2, 0.9, size)).astype(float), t) for t in totals
    ]
    baseline = Baseline(*(np.repeat(column, size) for column in usual()))
    firing = source.random(size) < 0.5
    verdicts = assess_all(RULE, evidence, baseline, firing=firing, rested_s=np.full(size, np.inf))
    assert 0 < verdicts.active.sum() < size
    for row in range(size):
        windows = [texts(int(e.negative[row]), int(e.total[row] - e.negative[row])) for e in evidence]
        assert assess(RULE, windows, usual(), firing=bool(firing[row])).active == verdicts.active[row]
