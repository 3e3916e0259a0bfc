from __future__ import annotations

import math

import numpy as np
import pytest

from learning.rollout.verdict import FEWEST, NO_ANSWER, Outcome, Pairs, UnknownMetric, counted, outcome_of, verdict

MINUTES = 300
"""Looks of one simulated run, one a minute, at `PER_MINUTE` judged tweets each."""
PER_MINUTE = 20


def run(generator: np.random.Generator, better: float, worse: float) -> tuple[Outcome, int]:
    """The first verdict that decides, and after how many pairs.

    Args:
        better, worse: share of tweets on which the challenger alone, and the champion alone, is right.
    """
    shares = [better, worse, 0.7 - worse, 0.3 - better]
    draws = generator.multinomial(PER_MINUTE, shares, size=MINUTES).cumsum(axis=0)
    for minute, (b, c, both, _) in enumerate(draws.tolist()):
        n = (minute + 1) * PER_MINUTE
        if (outcome := outcome_of(Pairs(n, both, b, c))) != "cannot tell yet":
            return outcome, n
    return "cannot tell yet", MINUTES * PER_MINUTE


def test_equally_good_models_are_hardly_ever_told_apart_however_often_one_looks() -> None:
    generator = np.random.default_rng(1)
    undecided = sum(run(generator, 0.07, 0.07)[0] == "cannot tell yet" for _ in range(200))
    assert undecided >= 190


@pytest.mark.parametrize("differ", [0.08, 0.15])
def test_a_challenger_three_points_worse_is_found_soon(differ: float) -> None:
    generator = np.random.default_rng(2)
    runs = [run(generator, (differ - 0.03) / 2, (differ + 0.03) / 2) for _ in range(20)]
    assert sum(outcome == "worse" for outcome, _ in runs) >= 19
    assert np.median([n for _, n in runs]) <= 3_000


def test_a_better_challenger_is_found() -> None:
    assert run(np.random.default_rng(3), 0.09, 0.04)[0] == "better"


def test_the_champion_against_itself_says_nothing() -> None:
    same = verdict(Pairs(5_000, 4_000, 0, 0))
    assert same.outcome == "cannot tell yet"
    assert (same.difference, same.low, same.high) == (0, 0, 0)
    assert "nothing points either way" in same.why


def test_without_data_there_is_no_pass() -> None:
    none = verdict(Pairs())
    assert none.outcome == "cannot tell yet"
    assert math.isnan(none.difference)
    assert none.why == "no tweet has been judged that both have answered"


def test_few_pairs_decide_nothing_however_one_sided() -> None:
    assert verdict(Pairs(FEWEST - 1, 0, FEWEST - 1, 0)).outcome == "cannot tell yet"
    assert verdict(Pairs(FEWEST, 0, FEWEST, 0)).outcome == "better"


def test_a_misspelt_figure_is_refused() -> None:
    with pytest.raises(UnknownMetric, match="'acuracy'"):
        verdict(Pairs(), "acuracy")
    with pytest.raises(UnknownMetric, match="accuracy, negative recall"):
        counted([0], [0], [0], "acuracy")


def test_a_model_that_does_not_answer_is_wrong() -> None:
    truth = [0, 1, 2] * 40
    silent = verdict(counted(truth, truth, [NO_ANSWER] * len(truth)))
    assert silent.outcome == "worse"
    assert silent.pairs.challenger == 0


def test_negative_recall_looks_at_negative_tweets_only() -> None:
    pairs = counted([0, 0, 2, 1], [0, 1, 2, 1], [0, 0, 0, 0], "negative recall")
    assert pairs == Pairs(2, 1, 1, 0)


def test_it_says_how_long_it_will_take_and_is_right_about_it() -> None:
    now = verdict(Pairs(400, 300, 20, 32), pairs_per_s=0.1)
    assert now.outcome == "cannot tell yet"
    assert now.more_pairs is not None
    assert "h at the present rate" in now.why
    times = 1 + now.more_pairs / 400
    assert verdict(Pairs(round(400 * times), 0, round(20 * times), math.ceil(32 * times))).outcome == "worse"


def test_the_interval_holds_zero_until_it_decides() -> None:
    undecided, decided = verdict(Pairs(400, 300, 20, 32)), verdict(Pairs(4_000, 3_000, 200, 320))
    assert undecided.low < undecided.difference < undecided.high
    assert undecided.low < 0 < undecided.high
    assert decided.high < 0
