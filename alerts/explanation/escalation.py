"""How bad a bad buzz is, from 0 to 100, and the severity that follows. The formula is in docs/alerts/rules.md."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from contracts.rules.schema import BadBuzz, Severity

_SHARE_WEIGHT: Final = 35.0
_GROWTH_WEIGHT: Final = 25.0
_VOLUME_WEIGHT: Final = 25.0
_REACH_WEIGHT: Final = 15.0
_FULL_GROWTH: Final = 4.0
"""Negative share this many times the past's: as much growth as counts."""
_FULL_VOLUME: Final = 10_000.0
"""Negative ones of what the rule counts: as much volume as counts."""
_FULL_REACH: Final = 10_000_000.0
"""Followers of those who wrote them."""


class Escalation(NamedTuple):
    """The score and what it is made of, each part from 0 to 1."""

    score: float
    share: float
    growth: float
    volume: float
    reach: float | None


def escalation(*, share_now: float, share_before: float, negative: int, followers: int | None = None) -> Escalation:
    """The weighted mean of the parts that are known, times 100.

    share: how far the negative share has gone from the past's towards 1. growth: the logarithm of its growth, 1 at
    four times the past's. volume: the logarithm of the number of negative voices (or of what the rule counts), 1
    at 10,000. reach: the logarithm of the sum of these voices' followers, 1 at ten million; left out where it is not
    known. It can make the score higher, never lower: events of which few carry followers are no smaller crisis.
    """
    before = min(max(share_before, 1e-6), 1 - 1e-6)
    share = _part((share_now - before) / (1 - before))
    growth = _part(math.log(max(share_now, 1e-6) / before) / math.log(_FULL_GROWTH))
    volume = _part(math.log(max(negative, 1)) / math.log(_FULL_VOLUME))
    parts = [(_SHARE_WEIGHT, share), (_GROWTH_WEIGHT, growth), (_VOLUME_WEIGHT, volume)]
    score = _mean(parts)
    reach = None
    if followers is not None:
        reach = _part(math.log(max(followers, 1)) / math.log(_FULL_REACH))
        score = max(score, _mean([*parts, (_REACH_WEIGHT, reach)]))
    return Escalation(score, share, growth, volume, reach)


def _mean(parts: Sequence[tuple[float, float]]) -> float:
    return 100 * sum(weight * part for weight, part in parts) / sum(weight for weight, _ in parts)


def severity_of(rule: BadBuzz, score: float) -> Severity:
    """`critical` from the rule's `critical_from`, `warning` from its `warning_from`, else `info`."""
    if score >= rule.critical_from:
        return "critical"
    return "warning" if score >= rule.warning_from else "info"


def _part(value: float) -> float:
    return min(max(value, 0.0), 1.0)
