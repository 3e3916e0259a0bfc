from __future__ import annotations

import pytest

from alerts.detectors.quiet import judge, lower_tail
from contracts.rules.schema import Quiet

RULE = Quiet(alert="Quiet", kind="quiet")


def active(tweets: int, days: list[float], *, firing: bool = False) -> bool | None:
    verdict = judge(RULE, tweets, days, firing=firing)
    return None if verdict is None else verdict.active


def test_silence_at_a_busy_hour_fires() -> None:
    assert active(0, [100, 120, 90]) is True
    assert active(9, [100, 120, 100]) is True


@pytest.mark.parametrize(("tweets", "days"), [(11, [100.0, 120, 90]), (100, [100.0, 100]), (60, [100.0] * 7)])
def test_a_slow_hour_does_not(tweets: int, days: list[float]) -> None:
    assert active(tweets, days) is False


@pytest.mark.parametrize("days", [[], [100.0], [10.0, 12, 9], [0.0] * 7])
def test_without_a_past_or_with_hardly_a_tweet_in_it_nothing_is_said(days: list[float]) -> None:
    assert active(0, days) is None


def test_one_storm_in_the_past_does_not_raise_what_is_expected() -> None:
    assert active(20, [25, 30, 100_000]) is False


def test_it_is_over_at_twice_the_limit() -> None:
    days = [100.0, 100, 100]
    assert [active(tweets, days, firing=True) for tweets in (15, 19, 20, 25)] == [True, True, False, False]


def test_so_few_are_improbable_by_a_negative_binomial() -> None:
    from scipy.stats import nbinom

    for tweets, expected in ((0, 20.0), (5, 40.0), (80, 100.0)):
        shape = 1 / 0.09
        assert lower_tail(tweets, expected) == pytest.approx(nbinom.cdf(tweets, shape, shape / (shape + expected)))
