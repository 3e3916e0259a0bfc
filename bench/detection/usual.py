"""The ordinary tweets of a simulated watch: rhythm, growth, a share that wanders, and outages."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
START_S: Final = 1_767_571_200
"""A Monday, 00:00 UTC."""
STEP_S: Final = 300
"""The rhythm's resolution."""


class Usual:
    """What a watch is like when nothing happens.

    Args:
        source: of everything that is drawn.
        weeks: how long it is watched.
        per_minute: ordinary tweets, on average; drawn when not given.
        share: the usual share of negatives, by true label; drawn when not given.
    """

    def __init__(
        self, source: np.random.Generator, weeks: int, per_minute: float | None = None, share: float | None = None
    ) -> None:
        steps = np.arange(0, weeks * WEEK_S, STEP_S)
        hour = steps / 3600
        drawn = np.exp(source.uniform(np.log(0.2), np.log(30))), np.exp(source.uniform(np.log(0.08), np.log(0.35)))
        self.per_minute = float(drawn[0]) if per_minute is None else per_minute
        self.share = float(drawn[1]) if share is None else share
        daily = source.uniform(0.5, 1.1) * np.cos(2 * np.pi * (hour - source.uniform(12, 20)) / 24)
        weekend = np.where(hour // 24 % 7 >= 5, np.log(source.uniform(0.6, 1.1)), 0.0)
        growth = source.normal(0, 0.2) * steps / (2 * WEEK_S)
        level = daily + weekend + growth + _wandering(source, len(steps), sd=0.25, memory_s=2 * 3600)
        rate = np.exp(level)
        rate *= self.per_minute / rate.mean() / 60
        for _ in range(source.poisson(0.35 * weeks)):
            begin = source.integers(0, len(steps))
            rate[begin : begin + source.integers(2, 24)] = 0
        self.rate = rate
        """(steps,) tweets a second."""
        usual = np.log(self.share / (1 - self.share))
        tilt = source.uniform(0, 0.2) * np.cos(2 * np.pi * (hour - source.uniform(0, 24)) / 24)
        odds = np.exp(usual + tilt + _wandering(source, len(steps), sd=source.uniform(0.1, 0.3), memory_s=2 * 3600))
        self.shares = odds / (1 + odds)
        """(steps,) of them negative, by true label."""

    def steps(self, start_s: float, end_s: float) -> slice:
        """Those of a stretch of time."""
        return slice(int((start_s - START_S) // STEP_S), max(int(-(-(end_s - START_S) // STEP_S)), 1))

    def expected(self, start_s: float, end_s: float) -> float:
        """Ordinary tweets in a stretch."""
        rates = self.rate[self.steps(start_s, end_s)]
        return float(rates.mean() * (end_s - start_s)) if len(rates) else 0.0


def _wandering(source: np.random.Generator, steps: int, *, sd: float, memory_s: float) -> NDArray[np.float64]:
    """A first-order autoregression."""
    keep = np.exp(-STEP_S / memory_s)
    shocks = source.normal(0, sd * np.sqrt(1 - keep**2), steps)
    shocks[0] = source.normal(0, sd)
    values = np.empty(steps)
    last = 0.0
    for index, shock in enumerate(shocks.tolist()):
        last = keep * last + shock
        values[index] = last
    return values
