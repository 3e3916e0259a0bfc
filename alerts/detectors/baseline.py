"""What is usual for a watch at this time: share, how sure that is, volume. Pure; columns of many watches at once.

Two pasts are joined. The *recent* one (a day, say) is there soon and follows slow changes. The *seasonal* one is the
same three hours of the day on each of the last seven days and of the same weekday in the three weeks before: it knows
that Monday mornings are always worse. Days that differ too much from the median of all of them are left out, so that a
crisis that nobody was alerted to does not become the usual state.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from alerts.detectors.significance import Floats, share_score
from contracts.rules import BadBuzz

HOUR_S: Final = 3600
DAY_S: Final = 86_400
LAGS_D: Final = (1, 2, 3, 4, 5, 6, 7, 14, 21, 28)
"""How many days ago the seasonal slices are."""
SLICE_S: Final = 3 * HOUR_S
_ODD: Final = 3.0
"""A slice is left out when its share is so many standard deviations from the median's."""
_PRIOR_SLICES: Final = 5.0
"""How many slices the rule's dispersion is worth beside what the slices say."""
_MEDIAN_OF_SQUARE: Final = 0.4549
"""Median of the square of a standard normal variable."""
_RECENT_WEIGHT: Final = 200.0
"""How many tweets the recent past is worth beside the seasonal one."""
_FEWEST_SLICES: Final = 2
"""A volume is expected only where so many slices hold tweets."""


class Past(NamedTuple):
    """Distinct texts of the past, a column entry per subject (watch, or theme in a watch)."""

    recent_negative: Floats
    """(n,) `rule.baseline` seconds, up to the longest window before now, crises left out."""
    recent_total: Floats
    slice_negative: Floats
    """(k, n) one row per seasonal slice, see `seasonal_spans`; zeros where nothing is known."""
    slice_total: Floats


class Baseline(NamedTuple):
    """What to expect, a column entry per subject."""

    share: Floats
    """Negative share."""
    dispersion: Floats
    """Correlation ρ between two tweets of a window: the rule's own plus what the small past leaves open."""
    rate: Floats
    """Distinct texts a second; 0 where too little is known."""
    tweets: Floats
    """How many tweets of the past say so, the prior's left out."""


def seasonal_spans(now_s: float) -> list[tuple[int, int]]:
    """Starts and ends of the seasonal slices, whole hours around this time of the day, seconds since 1970."""
    hour = int(now_s // HOUR_S) * HOUR_S
    return [(hour - lag * DAY_S - HOUR_S, hour - lag * DAY_S + 2 * HOUR_S) for lag in LAGS_D]


def expect(rule: BadBuzz, past: Past) -> Baseline:
    """What the past leads to expect.

    The prior, `prior_weight` tweets of `prior_share`, is what a watch without a past is compared with.
    """
    recent_weight = past.recent_total + rule.prior_weight
    recent_share = (past.recent_negative + rule.prior_share * rule.prior_weight) / recent_weight
    middle = _middle(past, recent_share)
    dispersion = _dispersion(rule, past, middle)
    kept = (past.slice_total > 0) & (
        np.abs(share_score(past.slice_negative, past.slice_total, middle, dispersion)) < _ODD
    )
    seasonal_negative = (past.slice_negative * kept).sum(axis=0)
    seasonal_total = (past.slice_total * kept).sum(axis=0)
    capped = np.where(seasonal_total > 0, np.minimum(recent_weight, _RECENT_WEIGHT), recent_weight)
    weight = seasonal_total + capped
    share = (seasonal_negative + recent_share * capped) / weight
    return Baseline(
        share=np.clip(share, 0.005, 0.995),
        dispersion=np.minimum(dispersion + 1.0 / (weight + 1.0), 1.0),
        rate=_usual_rate(past.slice_total),
        tweets=past.recent_total + seasonal_total,
    )


def _middle(past: Past, recent_share: Floats) -> Floats:
    """Median share of the slices that hold tweets, (n,); the recent share without any."""
    some = past.slice_total > 0
    shares = np.where(some, past.slice_negative / np.maximum(past.slice_total, 1.0), np.nan)
    stand_in = np.where(some.any(axis=0), np.nan, recent_share)
    middle: Floats = np.clip(np.nanmedian(np.vstack((shares, stand_in)), axis=0), 0.02, 0.98)
    return middle


def _dispersion(rule: BadBuzz, past: Past, middle: Floats) -> Floats:
    """How much more the slices differ than chance makes them, (n,): the rule's value until enough is known.

    Each slice's squared deviation, in binomial variances, is on average 1 + (n-1)·ρ. The median of the slices stands
    for the average, so that an odd day does not raise it.
    """
    total = np.maximum(past.slice_total, 2.0)
    variances = (past.slice_negative - total * middle) ** 2 / (total * middle * (1.0 - middle))
    estimates = np.where(past.slice_total >= 2, (variances / _MEDIAN_OF_SQUARE - 1.0) / (total - 1.0), np.nan)
    wandering = np.where(past.slice_total >= 2, (total - 1.0) * rule.dispersion, 0.0)
    informative = (wandering / (1.0 + wandering)).sum(axis=0)
    stand_in = np.where((past.slice_total >= 2).any(axis=0), np.nan, rule.dispersion)
    found = np.clip(np.nanmedian(np.vstack((estimates, stand_in)), axis=0), 0.0, 0.5)
    blended: Floats = (rule.dispersion * _PRIOR_SLICES + found * informative) / (_PRIOR_SLICES + informative)
    return blended


def _usual_rate(slice_total: Floats) -> Floats:
    """Median over the slices that hold tweets, per second."""
    if not slice_total.size:
        return np.zeros(slice_total.shape[1])
    some = slice_total > 0
    enough = some.sum(axis=0) >= _FEWEST_SLICES
    filled = np.where(some, slice_total, np.nan)
    filled[0] = np.where(enough, filled[0], 0.0)
    return np.where(enough, np.nanmedian(filled, axis=0), 0.0) / SLICE_S
