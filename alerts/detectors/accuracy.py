"""The newest judgements show that a model version is right less often than the rule asks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import NamedTuple

from contracts.rules.schema import Accuracy


class AccuracyVerdict(NamedTuple):
    """Whether the condition holds, and the figures behind it."""

    active: bool
    judged: int
    right: int
    upper: float
    """Upper end of Wilson's interval."""

    @property
    def accuracy(self) -> float:
        """Right ones among the judged, 1 without any."""
        return self.right / self.judged if self.judged else 1.0


def wilson_upper(right: int, judged: int, confidence: float) -> float:
    """Upper end of the one-sided score interval of a proportion (Wilson 1927); 1 without any judgement."""
    if not judged:
        return 1.0
    z = NormalDist().inv_cdf(confidence)
    share = right / judged
    middle = share + z * z / (2 * judged)
    half = z * math.sqrt(share * (1 - share) / judged + z * z / (4 * judged * judged))
    return min(1.0, (middle + half) / (1 + z * z / judged))


def judge(rule: Accuracy, verdicts: Sequence[bool], *, firing: bool) -> AccuracyVerdict:
    """Look at the newest `last` judgements.

    It starts when there are `min_judgements` and even the upper end of the interval is below `below`: 3 wrong of 4
    say little. Once firing it goes on until the accuracy itself is back at `below`.

    Args:
        verdicts: whether people called a prediction right, newest first.
    """
    newest = verdicts[: rule.last]
    right = sum(newest)
    found = AccuracyVerdict(False, len(newest), right, wilson_upper(right, len(newest), rule.confidence))
    if len(newest) < rule.min_judgements:
        return found
    return found._replace(active=found.accuracy < rule.below if firing else found.upper < rule.below)
