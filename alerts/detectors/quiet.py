"""Far fewer tweets than at the same time of the days before."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from contracts.rules.schema import Quiet

_IMPROBABLE = 1e-4
_SPREAD = 0.3
"""Tweets come in bursts: the standard deviation of the expected number itself, as a part of it. From it follows the
shape of the gamma that mixes the Poisson (a negative binomial): 1 / 0.3² ≈ 11."""
_BACK = 2.0
"""A firing alert is over at so many times the rule's limit."""


class QuietVerdict(NamedTuple):
    """Whether the condition holds, and the figures behind it."""

    active: bool
    tweets: int
    expected: float
    p_value: float
    """Chance of so few at an ordinary time."""


def expected_tweets(days: Sequence[float]) -> float:
    """The median of the counts at this time of the days before: one outage or storm does not shift it."""
    return median(days) if days else 0.0


def lower_tail(tweets: int, expected: float) -> float:
    """P(X ≤ tweets) of a negative binomial with that mean and the spread above."""
    if expected <= 0:
        return 1.0
    shape = 1 / _SPREAD**2
    chance = shape / (shape + expected)
    term = total = math.exp(shape * math.log(chance))
    for count in range(1, tweets + 1):
        term *= (count - 1 + shape) / count * (1 - chance)
        total += term
    return min(1.0, total)


def judge(rule: Quiet, tweets: int, days: Sequence[float], *, firing: bool) -> QuietVerdict | None:
    """Compare a window with the same time of the days before. None when too little is known for a usual value.

    Args:
        tweets: in the window.
        days: tweets in such a window at this time of each day before.
    """
    expected = expected_tweets(days)
    if len(days) < rule.min_days or expected < rule.min_expected:
        return None
    limit = expected * rule.below * (_BACK if firing else 1)
    if tweets >= limit:
        return QuietVerdict(False, tweets, expected, 1.0)
    p_value = lower_tail(tweets, expected)
    return QuietVerdict(firing or p_value < _IMPROBABLE, tweets, expected, p_value)
