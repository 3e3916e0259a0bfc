"""Percentiles of what was waited for, in which what never came is later than everything."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def percentiles(took: Sequence[float], missing: int, percents: Sequence[float]) -> list[float]:
    """The smallest durations that so many percent of all do not exceed (nearest rank).

    Args:
        took: what those took that came, in any unit.
        missing: how many did not come; they count as infinitely late.
        percents: 0 to 100 each.

    Returns:
        One figure for each of `percents`, infinite where too few came.
    """
    # Nearest rank picks one of the values; methods that interpolate would make NaN of infinity minus infinity.
    found = np.percentile([*took, *[math.inf] * missing], percents, method="inverted_cdf")
    return [float(one) for one in found]
