"""Six months: airline tweets arrive, people judge some, and the model learns from them; then French ones."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, NamedTuple

import numpy as np

from bench.loop.world import START, World, accuracy, judged, macro_recall, said_by, trained
from learning.labels.resolution import Label
from models.linear.model import HashedModel

MONTHS: Final = 6
A_MONTH: Final = 400
"""Judgements of each month from the second on: 2,000 in all."""
FRENCH: Final = 2_000
"""Judgements of French tweets, or as many as there are."""


class Gain(NamedTuple):
    """Accuracy after each month."""

    airline: list[float]
    general: list[float]
    """Mean of the two general sets."""


class French(NamedTuple):
    """Macro-recall on French tweets before and after some were judged."""

    before: float
    after: float
    judgements: int
    airline_lost: float
    """Points of accuracy."""


def months(world: World, judges_right: float, seed: int, frozen: HashedModel) -> tuple[Gain, HashedModel, list[Label]]:
    """Airline tweets arrive in the second month, a part is judged each month, and the model learns from all of it."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(world.pool))
    gain = Gain([accuracy(frozen, world.held_out["airline"])], [general(world, frozen)])
    said = said_by(judges_right, world.pool.truth, rng)
    model, labels = frozen, list[Label]()
    for month in range(1, MONTHS):
        chosen = order[(month - 1) * A_MONTH : month * A_MONTH]
        labels += judged(world.pool.rows(chosen), said[chosen], START + timedelta(days=30 * month))
        model = trained(world, labels, seed=seed)
        gain.airline.append(accuracy(model, world.held_out["airline"]))
        gain.general.append(general(world, model))
    return gain, model, labels


def general(world: World, model: HashedModel) -> float:
    """Mean accuracy on the two general sets."""
    return float(np.mean([accuracy(model, world.held_out[name]) for name in ("semeval", "kaggle")]))


def french(world: World, labels: list[Label], seed: int, model: HashedModel) -> French:
    """French tweets arrive after the airline ones, and are judged."""
    rng = np.random.default_rng(seed + 1_000)
    chosen = rng.permutation(len(world.french))[:FRENCH]
    said = said_by(0.9, world.french.truth, rng)[chosen]
    more = judged(world.french.rows(chosen), said, START + timedelta(days=30 * MONTHS))
    after = trained(world, [*labels, *more], seed=seed)
    french_set, airline = world.held_out["french"], world.held_out["airline"]
    return French(
        macro_recall(model, french_set),
        macro_recall(after, french_set),
        len(chosen),
        (accuracy(model, airline) - accuracy(after, airline)) * 100,
    )


class Played(NamedTuple):
    """The months of one seed."""

    gains: dict[float, Gain]
    french: French
    model: HashedModel
    """After the six months, judges right in 9 of 10."""


def play(world: World, seed: int, say: Callable[[str], None]) -> Played:
    """Six months, with better and worse judges, and French tweets after them."""
    frozen = trained(world, seed=seed)
    gains: dict[float, Gain] = {}
    say(f"run {seed + 1}: six months, judges right in 80%")
    gains[0.8], _, _ = months(world, 0.8, seed, frozen)
    say(f"run {seed + 1}: six months, judges right in 90%")
    gains[0.9], model, labels = months(world, 0.9, seed, frozen)
    say(f"run {seed + 1}: French tweets")
    return Played(gains, french(world, labels, seed, model), model)
