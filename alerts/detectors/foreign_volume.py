"""Far more tweets than usual in languages that the model does not know. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from alerts.detectors.significance import count_score, score_for
from contracts.rules.schema import ForeignVolume

HOUR_S: Final = 3600
DAYS: Final = range(1, 8)
"""How many days ago the same time of the day is looked at."""
_MONTH_S: Final = 30 * 86_400
_DISPERSION: Final = 0.09
"""Tweets come in bursts: the expected number itself has a standard deviation of 0.3 of it, as in `quiet`."""
_HOLD: Final = 0.5
"""A firing alert goes on down to this part of what it takes to fire."""
_FEWEST_HOURS: Final = 3
_FEWEST_DAYS: Final = 2
_UPPER: Final = 0.75
"""Which quantile of the last day's hours is usual: day and night differ, and a crisis of five hours is left out."""


class Past(NamedTuple):
    """What the rule counts, in languages that the model does not know."""

    hours: Sequence[float]
    """In each hour of the recent past in which tweets were counted at all."""
    days: Sequence[float]
    """An hour, around this time of the day, on each of the days before in which tweets were counted."""
    recent: float
    """Of the recent past, for as long as there are too few whole hours."""
    recent_s: float
    """How long that was counted."""


class Verdict(NamedTuple):
    """Whether the condition holds, and the figures behind it."""

    active: bool
    volume: int
    expected: float | None
    """Usual in such a window; None when nothing is known of the past."""
    score: float
    """In standard deviations; 0 without a past."""


def usual(rule: ForeignVolume, past: Past) -> float | None:
    """What such a window usually holds: the larger of what is usual on a day and at this time of it."""
    rates: list[float] = []
    if len(past.hours) >= _FEWEST_HOURS:
        rates.append(float(np.quantile(past.hours, _UPPER)) / HOUR_S)
    elif past.recent_s >= 2 * rule.window:
        rates.append(past.recent / past.recent_s)
    if len(past.days) >= _FEWEST_DAYS:
        rates.append(float(np.median(past.days)) / HOUR_S)
    return max(rates) * rule.window if rates else None


def judge(rule: ForeignVolume, volume: int, expected: float | None, *, firing: bool) -> Verdict:
    """Compare a window with what is usual.

    Args:
        volume: in the window.
        expected: of `usual`.
    """
    part = _HOLD if firing else 1.0
    enough = volume >= rule.min_volume * part
    if expected is None:
        return Verdict(enough, volume, None, 0.0)
    # One tweet in a month is no past that 20 could be compared with: nothing is less usual than one in a window.
    least = max(expected, 1.0)
    score = float(count_score(np.array([float(volume)]), np.array([least]), _DISPERSION)[0])
    needed = float(score_for(np.array([_MONTH_S / rule.window]), rule.false_alarms)[0])
    grown = volume >= max(rule.growth * part, 1.0) * least
    return Verdict(enough and grown and (firing or score >= needed), volume, expected, score)
