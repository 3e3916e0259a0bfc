"""What is usual for a watch at this time: share, how sure that is, volume. Pure; columns of many watches at once.

Two pasts are joined. The *recent* one (a day, say) is there soon and follows slow changes. The *seasonal* one is the
same three hours of the day on each of the last seven days and of the same weekday in the three weeks before: it knows
that Monday mornings are always worse. What differs too much from the median of its kind is left out, so that a crisis
that nobody was alerted to does not become the usual state. Where the level of the last day differs from that of the
week before, the seasonal past is moved by that much. Both levels are made in the same way: minutes of alerts are left
out of the last day alone, and a level of the week that crises have raised would make every quiet day look like a fall.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from alerts.detectors.significance import Floats, share_score
from contracts.rules.schema import BadBuzz

HOUR_S: Final = 3600
DAY_S: Final = 86_400
LAGS_D: Final = (1, 2, 3, 4, 5, 6, 7, 14, 21, 28)
"""How many days ago the seasonal slices are."""
SLICE_S: Final = 3 * HOUR_S
_DAY_SLICES: Final = DAY_S // SLICE_S
_DAYS: Final = range(1, 8)
"""How many days ago the days end in which the slices of the last week lie."""
WEEK_SLICES: Final = range(_DAYS.start * _DAY_SLICES, _DAYS.stop * _DAY_SLICES)
"""How many slices ago the slices of those days end."""
_MOST_LATELY: Final = 7
_FEWEST_KNOWN: Final = 3
"""A median of fewer stretches is not robust: one odd one would count in full."""
_MOVED: Final = 2.0
"""By so many standard deviations must the last day differ from the days before to count at all."""
_WITHIN: Final = (0.005, 0.995)
"""Shares that are taken for possible."""
_ODD: Final = 3.0
"""A slice is left out when its share is so many standard deviations from the median's."""
_PRIOR_SLICES: Final = 5.0
"""How many slices the rule's dispersion is worth beside that of the slices."""
_MEDIAN_OF_SQUARE: Final = 0.4549
"""Median of the square of a standard normal variable."""
_RECENT_WEIGHT: Final = 200.0
"""How many tweets the recent past is worth beside the seasonal one."""
_FEWEST_SLICES: Final = 2
"""A volume is expected only where so many slices hold tweets."""


class Tally(NamedTuple):
    """What the rule counts, a column entry per subject (watch, or theme in a watch)."""

    negative: Floats
    """(n,), or (k, n) with one row per stretch of time."""
    total: Floats


class Past(NamedTuple):
    """What is known of the past; zeros where nothing is."""

    recent: Tally
    """(n,) `rule.baseline` seconds, up to the longest window before now, crises left out."""
    slices: Tally
    """(k, n) one row for each of `Spans.slices`."""
    lately: Tally
    """(k, n) one row for each of `Spans.lately`, crises left out."""
    week: Tally
    """(k, n) one row for each of `Spans.week`."""


class Spans(NamedTuple):
    """Starts and ends of stretches of the past, whole hours, seconds since 1970."""

    slices: list[tuple[int, int]]
    """Around this time of the day, `LAGS_D` days ago."""
    lately: list[tuple[int, int]]
    """Stretches of `SLICE_S` one after the other, the newest first, inside the recent past; none where the rule's
    `baseline` is shorter than three of them."""
    week: list[tuple[int, int]]
    """Stretches of `SLICE_S` one after the other, all of the days in which the slices of the last week lie."""


class Baseline(NamedTuple):
    """What to expect, a column entry per subject."""

    share: Floats
    """Negative share."""
    dispersion: Floats
    """Correlation ρ between two tweets of a window: the rule's own plus what the small past leaves open."""
    rate: Floats
    """Counted ones a second; 0 where too little is known."""
    tweets: Floats
    """How many tweets of the past this rests on, the prior's left out."""


def spans(rule: BadBuzz, now_s: float) -> Spans:
    """Which stretches of the past are looked at."""
    hour = int(now_s // HOUR_S) * HOUR_S
    until = int((now_s - rule.windows[-1]) // HOUR_S) * HOUR_S
    return Spans(
        [(hour - lag * DAY_S - HOUR_S, hour - lag * DAY_S + 2 * HOUR_S) for lag in LAGS_D],
        [(until - (number + 1) * SLICE_S, until - number * SLICE_S) for number in range(lately_slices(rule))],
        [(hour - (ago + 1) * SLICE_S, hour - ago * SLICE_S) for ago in WEEK_SLICES],
    )


def lately_slices(rule: BadBuzz) -> int:
    """How many stretches of `SLICE_S` the recent past has: up to `_MOST_LATELY`, 0 where they are too few."""
    # One hour less, as they end with a whole hour.
    number = int(min((rule.baseline - HOUR_S) // SLICE_S, _MOST_LATELY))
    return number if number >= _FEWEST_KNOWN else 0


def expect(rule: BadBuzz, past: Past) -> Baseline:
    """What the past leads to expect.

    The prior, `prior_weight` tweets of `prior_share`, is what a watch without a past is compared with.
    """
    recent_share = _with_prior(rule, past.recent.negative, past.recent.total)
    recent_weight = past.recent.total + rule.prior_weight
    seasonal_middle, late_middle = _middle(past.slices, recent_share), _middle(past.lately, recent_share)
    dispersion = _dispersion(rule, (past.slices, seasonal_middle), (past.lately, late_middle))
    seasonal = _pooled(past.slices, seasonal_middle, dispersion)
    lately = _pooled(past.lately, late_middle, dispersion)
    some = (past.lately.total > 0).sum(axis=0) >= _FEWEST_KNOWN
    level_share = np.where(some, _with_prior(rule, *lately), recent_share)
    level_weight = np.where(some, lately.total + rule.prior_weight, recent_weight)
    # One odd morning is not what mornings are like.
    known = (seasonal.total > 0) & ((past.slices.total > 0).sum(axis=0) >= _FEWEST_KNOWN)
    seasonal_share = np.where(known, seasonal.negative / np.where(known, seasonal.total, 1.0), level_share)
    moved = np.where(some & known, _moved(past.week, level_share, level_weight, dispersion), 0.0)
    seasonal_share = _share(_log_odds(np.clip(seasonal_share, *_WITHIN)) + moved)
    capped = np.where(known, np.minimum(level_weight, _RECENT_WEIGHT), level_weight)
    seasonal_weight = np.where(known, seasonal.total, 0.0)
    weight = seasonal_weight + capped
    share = (seasonal_share * seasonal_weight + level_share * capped) / weight
    return Baseline(
        share=np.clip(share, *_WITHIN),
        dispersion=np.minimum(dispersion + 1.0 / (weight + 1.0), 1.0),
        rate=_usual_rate(past.slices.total),
        tweets=past.recent.total + past.slices.total.sum(axis=0),
    )


def _with_prior(rule: BadBuzz, negative: Floats, total: Floats) -> Floats:
    return (negative + rule.prior_share * rule.prior_weight) / (total + rule.prior_weight)


def _independent(total: Floats, dispersion: Floats) -> Floats:
    """How many independent tweets are worth as much: a slice of a busy watch is worth no more than 1/ρ."""
    return total / (1.0 + np.maximum(total - 1.0, 0.0) * dispersion)


def _pooled(slices: Tally, middle: Floats, dispersion: Floats) -> Tally:
    """All slices that do not differ too much from the middle, counted as independent tweets, (n,)."""
    kept = np.abs(share_score(slices.negative, slices.total, middle, dispersion)) < _ODD
    total = _independent(slices.total, dispersion) * kept
    negative = total * slices.negative / np.maximum(slices.total, 1.0)
    return Tally(negative.sum(axis=0), total.sum(axis=0))


def _moved(week: Tally, level_share: Floats, level_weight: Floats, dispersion: Floats) -> Floats:
    """By how much the level of the last day is above that of the week before, in log-odds, beyond chance; (n,).

    The seasonal past knows how this hour differs from others; the last day knows the level better: another model calls
    other tweets negative, and a week that was filled in afterwards is not what the watch is like. Shrunk by the
    positive part of James and Stein's factor, so that what chance explains counts nothing.
    """
    before = _pooled(week, _middle(week, level_share), dispersion)
    some = before.total > 0
    share = np.clip(before.negative / np.where(some, before.total, 1.0), *_WITHIN)
    level = np.clip(level_share, *_WITHIN)
    variance = 1.0 / (share * (1.0 - share))
    noise = variance / np.where(some, before.total, 1.0) + variance / level_weight
    moved = _log_odds(level) - _log_odds(share)
    factor = np.maximum(0.0, 1.0 - _MOVED**2 * noise / np.maximum(moved**2, 1e-12))
    return np.where(some, moved * factor, 0.0)


def _middle(slices: Tally, otherwise: Floats) -> Floats:
    """Median share of the slices that hold tweets, (n,); `otherwise` without any."""
    some = slices.total > 0
    shares = np.where(some, slices.negative / np.maximum(slices.total, 1.0), np.nan)
    return np.clip(_median(shares, otherwise), 0.02, 0.98)


def _median(values: Floats, otherwise: Floats | float) -> Floats:
    """Of each column what is not NaN; `otherwise` where all is. A sort is faster than NumPy's own for few rows."""
    if not len(values):
        return np.array(otherwise, np.float64)
    number = (~np.isnan(values)).sum(axis=0)
    ordered = np.sort(values, axis=0)
    columns = np.arange(values.shape[1])
    low, high = ordered[np.maximum(number - 1, 0) // 2, columns], ordered[number // 2, columns]
    return np.where(number > 0, (low + high) / 2, otherwise)


def _dispersion(rule: BadBuzz, *parts: tuple[Tally, Floats]) -> Floats:
    """How much more slices differ from the middle than chance makes them, (n,): the rule's value until enough is known.

    Each slice's squared deviation, in binomial variances, is on average 1 + (n-1)·ρ. The median of the slices stands
    for the average, so that an odd day does not raise it.

    Args:
        parts: slices, and the middle from which they differ.
    """
    estimates, informative = [], np.zeros(parts[0][1].shape)
    for slices, middle in parts:
        enough = slices.total >= 2
        total = np.maximum(slices.total, 2.0)
        variances = (slices.negative - total * middle) ** 2 / (total * middle * (1.0 - middle))
        estimates.append(np.where(enough, (variances / _MEDIAN_OF_SQUARE - 1.0) / (total - 1.0), np.nan))
        wandering = np.where(enough, (total - 1.0) * rule.dispersion, 0.0)
        informative += (wandering / (1.0 + wandering)).sum(axis=0)
    found = np.clip(_median(np.concatenate(estimates), rule.dispersion), 0.0, 0.5)
    blended: Floats = (rule.dispersion * _PRIOR_SLICES + found * informative) / (_PRIOR_SLICES + informative)
    return blended


def _usual_rate(slice_total: Floats) -> Floats:
    """Median over the slices that hold tweets, per second."""
    some = slice_total > 0
    rate = _median(np.where(some, slice_total, np.nan), 0.0) / SLICE_S
    return np.where(some.sum(axis=0) >= _FEWEST_SLICES, rate, 0.0)


# Not SciPy's: to import scipy.special is a tenth of a worker's start, and all shares here lie within _WITHIN.
def _log_odds(share: Floats) -> Floats:
    return np.log(share / (1.0 - share))


def _share(log_odds: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-log_odds))
