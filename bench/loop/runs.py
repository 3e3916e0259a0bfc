"""The simulations, each by itself."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.loop.months import A_MONTH, MONTHS
from bench.loop.world import START, World, accuracy, answers, carried, judged, said_by, trained
from contracts.events import SENTIMENTS, Scores
from contracts.learning.labels import LabelEvent, judge_hash
from contracts.learning.settings import LearningSettings
from learning.labels.resolution import resolve
from learning.rollout.verdict import Outcome, Pairs, outcome_of
from models.linear.model import HashedModel
from training.evaluation.held_out import HeldOut
from training.registry.promotion_gate import GateRefused, check

LOOK: Final = 20
"""Judged tweets between two looks of a canary."""
LONGEST: Final = 6_000


class Canary(NamedTuple):
    """How one ended, and after how many judged tweets."""

    outcome: Outcome
    pairs: int


def canary(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> Canary:
    """A canary that is looked at every `LOOK` judged tweets until it decides.

    Args:
        one, other: (n,): where champion and challenger are right.
    """
    both, challenger, champion = (np.cumsum(part) for part in (one & other, other & ~one, one & ~other))
    for n in range(LOOK, LONGEST + 1, LOOK):
        at = n - 1
        outcome = outcome_of(Pairs(n, int(both[at]), int(challenger[at]), int(champion[at])))
        if outcome != "cannot tell yet":
            return Canary(outcome, n)
    return Canary("cannot tell yet", LONGEST)


def canaries(
    world: World, good: HashedModel, frozen: HashedModel, runs: int, bad_runs: int
) -> tuple[list[Canary], list[Canary]]:
    """Equally good models, and a challenger three points worse, on airline tweets drawn at random.

    The equally good ones are two trainings whose answers are exchanged by a coin at each tweet: they differ on as many
    tweets as such models do, and neither is better. The worse one gives the frozen model's answer on just so many
    tweets that it is right on three points fewer.
    """
    rng = np.random.default_rng(0)
    pool = world.pool
    rows = rng.permutation(len(pool))[: A_MONTH * (MONTHS - 1)]
    twin = trained(world, judged(pool.rows(rows), said_by(0.9, pool.truth, rng)[rows]), seed=1)
    best, other, old = (answers(model, pool).argmax(axis=1) == pool.truth for model in (good, twin, frozen))
    share = 0.03 / float(best.mean() - old.mean())
    equal, worse = [], []
    for _ in range(runs):
        drawn, coin = rng.integers(0, len(pool), LONGEST), rng.random(LONGEST) < 0.5
        equal.append(canary(np.where(coin, best[drawn], other[drawn]), np.where(coin, other[drawn], best[drawn])))
    for _ in range(bad_runs):
        drawn, coin = rng.integers(0, len(pool), LONGEST), rng.random(LONGEST) < share
        worse.append(canary(best[drawn], np.where(coin, old[drawn], best[drawn])))
    return equal, worse


class Poisoned(NamedTuple):
    """One run with five poisoners among twelve honest judges."""

    left_out: int
    """Poisoners in quarantine."""
    honest_lost: float
    """Share of honest judgements that do not count."""
    before: float
    """Airline accuracy of the champion."""
    resolved: float
    """Of the challenger from the labels that hold."""
    unguarded: float
    """Of one from all that was said, a label for each judgement."""
    refused: str
    """Why the gate does not let the challenger pass; empty: it does."""
    unguarded_refused: str


def poisoned(world: World, seed: int) -> Poisoned:
    """Honest judges make a champion; then poisoners join them, and a challenger is made of what holds."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.pool))
    honest_rows, poison_rows = order[:2_000], rng.choice(order, 2_000, replace=False)
    honest = said_by(0.9, world.pool.truth[honest_rows], rng)
    flipped = 2 - world.pool.truth[poison_rows]
    flipped = np.where(flipped == 1, rng.choice([0, 2], len(flipped)), flipped)
    champion = trained(world, judged(world.pool.rows(honest_rows[:1_000]), honest[:1_000]), seed=seed)
    scores = answers(champion, world.pool)
    events = [
        *_events(world, honest_rows, honest, [f"honest {at % 12}" for at in range(len(honest))], scores, rng),
        *_events(world, poison_rows, flipped, [f"poison {at % 5}" for at in range(len(flipped))], scores, rng),
    ]
    found = resolve(events, LearningSettings())
    guarded = trained(world, found.labels, seed=seed)
    rows = np.concatenate([honest_rows, poison_rows])
    naive = trained(world, judged(world.pool.rows(rows), np.concatenate([honest, flipped])), seed=seed)
    quarantined = set(found.quarantined)
    names = {judge_hash(f"honest {at}", "") for at in range(12)}, {judge_hash(f"poison {at}", "") for at in range(5)}
    refused, naive_refused = _refusals(world, champion, [guarded, naive])
    return Poisoned(
        len(quarantined & names[1]),
        sum(len(honest) // 12 for name in names[0] if name in quarantined) / len(honest),
        accuracy(champion, world.held_out["airline"]),
        accuracy(guarded, world.held_out["airline"]),
        accuracy(naive, world.held_out["airline"]),
        refused,
        naive_refused,
    )


def _refusals(world: World, champion: HashedModel, challengers: list[HashedModel]) -> list[str]:
    sets = {name: world.held_out[name] for name in ("airline", "semeval", "kaggle")}
    before = carried(sets, champion)
    return [_refused(before, carried(sets, one)) for one in challengers]


def _refused(champion: HeldOut, challenger: HeldOut) -> str:
    try:
        check(champion, challenger)
    except GateRefused as error:
        return str(error)
    return ""


def _events(
    world: World,
    rows: NDArray[np.intp],
    said: NDArray[np.int64],
    judges: list[str],
    scores: NDArray[np.float64],
    rng: np.random.Generator,
) -> list[LabelEvent]:
    return [
        LabelEvent(
            label_id=uuid.UUID(bytes=rng.bytes(16)),
            kind="judgement",
            created_at=START + timedelta(minutes=int(rng.integers(0, 14 * 24 * 60))),
            tweet_id=str(row),
            label=SENTIMENTS[label],
            text=world.pool.texts[row],
            scores=Scores(*scores[row].tolist()),
            model_version="1",
            judge=judge_hash(judge, ""),
            source="review",
            blind=True,
        )
        for row, label, judge in zip(rows.tolist(), said.tolist(), judges, strict=True)
    ]
