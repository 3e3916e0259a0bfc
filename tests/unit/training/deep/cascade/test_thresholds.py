"""When a cascade asks its slow model: chosen on other texts than it is measured on."""

from __future__ import annotations

import numpy as np
import pytest

from training.deep.cascade.thresholds import Answers, Setting, crossed, shares_within


def answers(n: int = 4_000, seed: int = 0) -> Answers:
    """Two sets; the quick model is right with the probability that it says, the slow one always on the first set."""
    rng = np.random.default_rng(seed)
    truth = 2 * rng.integers(0, 2, n)
    confidence = rng.uniform(0.5, 1.0, n)
    guess = np.where(rng.random(n) < confidence, truth, 2 - truth)
    quick = np.zeros((n, 3), np.float32)
    quick[np.arange(n), guess] = confidence
    quick[np.arange(n), 2 - guess] = 1 - confidence
    source = np.where(np.arange(n) < n // 4, "small", "large")
    best = np.where((source == "small") | (rng.random(n) < 0.8), truth, 2 - truth)
    slow = np.eye(3, dtype=np.float32)[best]
    return Answers(quick, slow, truth, source, ("small", "large"))


def test_no_text_gets_a_setting_that_it_took_part_in_choosing() -> None:
    known = answers()
    asked: list[Answers] = []

    def choose(part: Answers) -> Setting:
        asked.append(part)
        return Setting(1.0, 0.2 if len(asked) == 1 else 2.0)

    mixed = crossed(known, choose)
    assert sum(len(part.truth) for part in asked) == len(known.truth)
    # The first setting was chosen on one half and holds for the other, where nothing sure is asked about.
    sure = known.quick.max(axis=1) >= 0.6
    first = ~(mixed.deep & sure)
    assert 0.5 < first.mean() < 0.7
    chosen_on = {tuple(row) for row in asked[0].quick.tolist()}
    assert {tuple(row) for row in known.quick[mixed.deep & sure].tolist()} <= chosen_on


@pytest.mark.parametrize("share", [0.05, 0.3, 0.7])
def test_so_many_are_asked_about_as_were_wanted_each_set_with_the_same_weight(share: float) -> None:
    known = answers()
    mixed = known.mixed(known.setting(share))
    assert known.share(mixed.deep) == pytest.approx(share, abs=0.01)
    assert known.share(crossed(known, lambda part: part.setting(share)).deep) == pytest.approx(share, abs=0.04)


def test_nobody_and_everybody() -> None:
    known = answers()
    assert not known.mixed(known.setting(0.0)).deep.any()
    assert known.mixed(known.setting(1.0)).deep.all()


def test_of_the_shares_that_are_quick_enough_the_most_accurate_is_taken() -> None:
    known = answers()
    reached = {
        share: known.mean(known.accuracy(known.mixed(known.setting(share)).scores)) for share in (0, 0.1, 0.2, 1)
    }
    assert known.best((0, 0.1, 0.2)) == known.setting(0.2)  # the slow model is better nearly everywhere
    assert reached[0] < reached[0.1] < reached[0.2] < reached[1]
    useless = Answers(known.quick, known.quick, known.truth, known.source, known.counted)
    assert useless.best((0, 0.1, 0.2)) == useless.setting(0)  # of equals the cheapest


def test_the_largest_share_that_is_quick_enough_may_be_chosen_too() -> None:
    within = shares_within((0.0, 0.1, 0.15, 0.2, 0.3), costs=(0.001, 1.0), times=5)
    assert within == [0.0, 0.1, 0.15, pytest.approx(0.199)]
    assert 1 / (0.001 + within[-1]) == pytest.approx(5)
    assert shares_within((0.0, 0.1), costs=(0.5, 1.0), times=5) == [0.0]  # not even the quick model is quick enough


def test_chosen_on_noise_the_figure_of_other_texts_promises_nothing() -> None:
    """On its own texts the best of many settings looks better than the quick model alone; on others it does not."""
    gains_own, gains_other = [], []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        truth = 2 * rng.integers(0, 2, 200)
        quick, slow = (rng.dirichlet([1, 1, 1], 200).astype(np.float32) for _ in range(2))
        known = Answers(quick, slow, truth, np.repeat(["only"], 200), ("only",))

        def best(part: Answers) -> Setting:
            tried = [Setting(1.0, share) for share in np.linspace(0, 1, 21).tolist()]
            return max(tried, key=lambda one: part.mean(part.accuracy(part.mixed(one).scores)))

        gains_own.append(known.mean(known.accuracy(known.mixed(best(known)).scores)) - 0.5)
        gains_other.append(known.mean(known.accuracy(crossed(known, best).scores)) - 0.5)
    assert np.mean(gains_own) > 0.02
    assert abs(np.mean(gains_other)) < 0.015


def test_the_interval_of_a_difference_holds_the_true_one() -> None:
    inside = 0
    for seed in range(60):
        known = answers(2_000, seed)
        _, low, high = known.difference(known.slow, known.quick)
        inside += low < (1 + 0.8) / 2 - 0.75 < high
    assert inside >= 52
