"""The review queue beside chance: as many right answers from half the judgements?"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.loop.world import START, World, accuracy, answers, judged, said_by, trained
from contracts.learning.settings import LearningSettings
from learning.labels.resolution import Label
from learning.review.coverage import buckets_of, most_telling
from learning.review.queue import SHARE_BY_CHANCE
from models.linear.model import HashedModel

BATCH: Final = 200
"""Judgements between two states of the review queue."""
MOST: Final = 1_000


class Choice(NamedTuple):
    """Airline accuracy by the number of judgements, with the same judges at the same time."""

    queue: dict[int, float]
    random: dict[int, float]


def next_batch(
    texts: list[str], scores: NDArray[np.float64], taken: NDArray[np.intp], rng: np.random.Generator
) -> NDArray[np.intp]:
    """The next texts to judge, none of those that are `taken`: first a tenth by chance, then what the queue hands out.

    Args:
        texts: n. scores: (n, 3), of the present model. taken: rows that were judged before.
    """
    size = LearningSettings().review_queue
    two = np.sort(scores, axis=1)
    margin = two[:, 2] - two[:, 1]
    margin[taken] = np.inf
    drawn = rng.permutation(np.flatnonzero(np.isfinite(margin)))[: BATCH // SHARE_BY_CHANCE]
    margin[drawn] = np.inf
    waiting = np.argsort(margin, kind="stable")[: size - size // SHARE_BY_CHANCE]  # the queue keeps the least sure
    before = Counter(bucket for row in taken.tolist() for bucket in buckets_of(texts[row]))
    order = most_telling(
        [texts[row] for row in waiting.tolist()], BATCH - len(drawn), lambda buckets: [before[one] for one in buckets]
    )
    return np.concatenate([drawn, waiting[order]])


def choice(world: World, judges_right: float, seed: int, frozen: HashedModel) -> Choice:
    """What the queue chooses, renewed after each batch, beside all by chance. Of the tenth that is drawn by chance
    `retrain` keeps the newer half for measuring, which costs the queue some labels here, too."""
    rng = np.random.default_rng(seed)
    said = said_by(judges_right, world.pool.truth, rng)
    order = rng.permutation(len(world.pool))
    by_random = {
        count: accuracy(
            trained(world, judged(world.pool.rows(order[:count]), said[order[:count]]), seed=seed),
            world.held_out["airline"],
        )
        for count in (MOST, 2 * MOST)
    }
    taken, labels, model = np.zeros(0, np.intp), list[Label](), frozen
    by_queue: dict[int, float] = {}
    while len(taken) < MOST:
        chosen = next_batch(world.pool.texts, answers(model, world.pool), taken, rng)
        taken = np.concatenate([taken, chosen])
        when = START + timedelta(hours=len(taken) // BATCH)
        labels += judged(world.pool.rows(chosen), said[chosen], when, by_chance=BATCH // SHARE_BY_CHANCE)
        model = trained(world, labels, seed=seed)
        by_queue[len(taken)] = accuracy(model, world.held_out["airline"])
    return Choice(by_queue, by_random)
