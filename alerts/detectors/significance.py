"""How surprising a count is, in standard deviations, for whole columns of counts at once.

Signed roots of the deviance (likelihood ratio): unlike (observed - expected) / sd they stay right far out in the tail
of a skewed distribution, and unlike exact tails they cost a few array operations. Over-dispersion shrinks the counts
to the number of independent ones that would vary as much (quasi-likelihood, McCullagh and Nelder 1989, section 4.5).
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_ROOT_2_PI: Final = math.sqrt(2 * math.pi)


def share_score(successes: Floats, trials: Floats, share: Floats, dispersion: Floats) -> Floats:
    """How far a share is above the expected one; negative below it, 0 without trials.

    For X ~ beta-binomial(n, p, ρ), whose variance is n·p·(1-p)·(1 + (n-1)·ρ).

    Args:
        successes, trials: counts, at least 0.
        share: p, strictly between 0 and 1.
        dispersion: ρ, the correlation between two tweets of one window, from 0 (binomial) to 1.
    """
    some = np.maximum(trials, 1.0)
    found = successes / some
    effective = some / (1.0 + (some - 1.0) * dispersion)
    with np.errstate(divide="ignore", invalid="ignore"):
        above = np.where(found > 0, found * np.log(found / share), 0.0)
        below = np.where(found < 1, (1.0 - found) * np.log((1.0 - found) / (1.0 - share)), 0.0)
    score = np.sqrt(np.maximum(2.0 * effective * (above + below), 0.0))
    return np.where(trials > 0, np.where(found < share, -score, score), 0.0)


def count_score(count: Floats, expected: Floats, dispersion: float) -> Floats:
    """How far a count is above the expected one; 0 where nothing is known to expect.

    For a count of mean μ and variance μ + dispersion·μ² (negative binomial).
    """
    known = expected > 0
    mean = np.where(known, expected, 1.0)
    shrink = 1.0 + dispersion * mean
    with np.errstate(divide="ignore", invalid="ignore"):
        deviance = np.where(count > 0, count * np.log(count / mean), 0.0) - (count - mean)
    score = np.sqrt(np.maximum(2.0 * deviance / shrink, 0.0))
    return np.where(known, np.where(count < mean, -score, score), 0.0)


def score_for(looks: Floats, alarms: float) -> Floats:
    """The score that a sliding window exceeds `alarms` times in so many windows' lengths when nothing has changed.

    A window that slides is looked at all the time, but its neighbours nearly repeat it: excursions above a high z come
    z·φ(z) times per window length (Poisson clumping, Aldous 1989, section A9). Solved for z by iteration.
    """
    z = np.full(np.shape(looks), 3.0)
    for _ in range(6):
        z = np.sqrt(np.maximum(2.0 * np.log(np.maximum(looks * z / (alarms * _ROOT_2_PI), 1.0)), 1.0))
    return z


def tail(score: float) -> float:
    """The chance of such a score or a higher one, were nothing unusual: 1 - Φ(score)."""
    return 0.5 * math.erfc(score / math.sqrt(2.0))
