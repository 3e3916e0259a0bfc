"""Parts of the proof of the learning loop that need no labelled tweets."""

from __future__ import annotations

import numpy as np


def test_judges_are_right_as_often_as_they_are_said_to_be() -> None:
    from bench.loop.world import said_by

    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 20_000)
    said = said_by(0.8, truth, rng)
    assert abs((said == truth).mean() - 0.8) < 0.02
    assert set(said[said != truth].tolist()) == {0, 1, 2}
    assert (said_by(1.0, truth, rng) == truth).all()


def test_a_canary_ends_at_the_first_look_that_decides() -> None:
    from bench.loop.runs import LONGEST, canary

    rng = np.random.default_rng(0)
    right = rng.random(LONGEST) < 0.8
    assert canary(right, right) == ("cannot tell yet", LONGEST)
    ended = canary(right, right & (rng.random(LONGEST) < 0.9))
    assert ended.outcome == "worse"
    assert ended.pairs < 1_000


def test_the_queue_asks_about_the_unsure_and_a_tenth_by_chance_and_about_nothing_twice() -> None:
    from bench.loop.queue import BATCH, next_batch
    from contracts.learning.settings import LearningSettings

    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(3), 2_000)
    two = np.sort(scores, axis=1)
    margin = two[:, 2] - two[:, 1]
    texts = [f"word{n % 50} text{n % 7}" for n in range(2_000)]
    first = next_batch(texts, scores, np.zeros(0, np.intp), rng)
    assert len(set(first.tolist())) == BATCH
    assert margin[first[BATCH // 10 :]].max() <= np.sort(margin)[LearningSettings().review_queue]  # of those that wait
    assert margin[first[: BATCH // 10]].max() > np.sort(margin)[LearningSettings().review_queue]
    second = next_batch(texts, scores, first, rng)
    assert not set(first.tolist()) & set(second.tolist())
