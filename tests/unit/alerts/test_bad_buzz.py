from __future__ import annotations

import random

from alerts.counts import NOTHING, Counts
from alerts.detectors.bad_buzz import judge
from contracts.rules import BadBuzz

RULE = BadBuzz(alert="BadBuzz", kind="bad_buzz", min_volume=20, min_negative=10)
PAST = Counts(3000, 3000, 4000)


def active(now: Counts, before: Counts = PAST, *, firing: bool = False) -> bool:
    return judge(RULE, now, before, firing=firing).active


def test_a_crisis_is_active_and_an_ordinary_minute_is_not() -> None:
    assert active(Counts(85, 10, 5))
    assert not active(Counts(30, 30, 40))


def test_a_happy_storm_and_a_burst_of_the_usual_mix_are_no_crisis() -> None:
    assert not active(Counts(50, 200, 4000))
    assert not active(Counts(3000, 3000, 4000))


def test_too_few_tweets_or_negatives_never_start_it() -> None:
    assert not active(Counts(19, 0, 0))
    assert active(Counts(20, 0, 0))
    assert not active(Counts(9, 5, 6), Counts(0, 5000, 5000))


def test_what_chance_explains_does_not_start_it() -> None:
    assert not active(Counts(12, 4, 8))  # half negative, but 12 of 24 at 30 % is nothing rare
    assert active(Counts(120, 40, 80))


def test_a_window_without_tweets_is_inactive_whatever_fired_before() -> None:
    assert not active(NOTHING, firing=True)
    assert not active(NOTHING)


def test_once_firing_it_stays_until_the_share_is_near_the_past() -> None:
    between = Counts(40, 30, 30)  # 1.33 times the past: not enough to start, enough to stay
    assert not active(between)
    assert active(between, firing=True)
    assert not active(Counts(36, 32, 32), firing=True)


def test_a_handful_of_tweets_keeps_nothing_alive() -> None:
    assert not active(Counts(4, 0, 0), firing=True)


def test_without_a_past_the_prior_is_compared_with() -> None:
    verdict = judge(RULE, Counts(40, 5, 5), NOTHING, firing=False)
    assert verdict.active
    assert verdict.past_share == RULE.prior_share
    assert not active(Counts(16, 17, 17), NOTHING)


def test_a_watch_that_is_mostly_negative_anyway_can_still_fire() -> None:
    usual = Counts(7000, 1500, 1500)
    assert not active(Counts(140, 30, 30), usual)
    assert active(Counts(195, 3, 2), usual)


def test_the_false_alarm_rate_is_kept_when_nothing_changes() -> None:
    often = RULE.model_copy(update={"growth": 1.0, "false_alarm_rate": 0.01})
    source = random.Random(7)
    alarms = 0
    for _ in range(3000):
        negative = sum(source.random() < 0.3 for _ in range(60))
        alarms += judge(often, Counts(negative, 60 - negative, 0), PAST, firing=False).active
    assert alarms <= 3000 * 0.01 * 1.5


def test_the_noise_of_a_quiet_watch_keeps_nothing_alive() -> None:
    assert not active(Counts(8, 6, 6), firing=True)  # 40 % instead of 30 %, but of 20 tweets
    assert active(Counts(80, 60, 60), firing=True)
