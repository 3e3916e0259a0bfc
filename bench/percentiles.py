"""Percentiles of waiting times, in which missing events count as an infinite delay."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def percentiles(took: Sequence[float], missing: int, percents: Sequence[float]) -> list[float]:
    """The smallest durations that so many percent of all do not exceed (nearest rank).

    Args:
        took: waiting times of the events that arrived, in any unit.
        missing: how many events did not arrive; they count as infinitely late.
        percents: 0 to 100 each.

    Returns:
        One figure for each of `percents`, infinite where too few arrived.
    """
    # Nearest rank picks one of the values; methods that interpolate would make NaN of infinity minus infinity.
    found = np.percentile([*took, *[math.inf] * missing], percents, method="inverted_cdf")
    return [float(one) for one in found]
