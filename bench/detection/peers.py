"""What bad buzz is compared with: a fixed threshold, three sigma on counts, and ADWIN of river.

Each answers with its alarms (begin and end, seconds) in the judged weeks of a recording. They see the tweets as they
come, each as often as it comes, without those that came late.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from alerts.backtest.series import BUCKET_S, Series
from bench.detection.traffic import Recording

_WINDOW: Final = 300 // BUCKET_S
_DAY: Final = 86_400 // BUCKET_S
_FEWEST: Final = 20
_GAP_S: Final = 90
"""Alarms with less between them are one, as with our `keep_firing_for`."""
_SAME_S: Final = 1800

Alarms = list[tuple[float, float]]


def fixed_threshold(recording: Recording, series: Series, share: float) -> Alarms:
    """More than this share of the last five minutes' tweets is negative, of at least 20."""
    negative, total = (_last_five_minutes(counts) for counts in (series.tweets_negative, series.tweets))
    return _merged(recording, series, (total >= _FEWEST) & (negative > share * total))


def three_sigma(recording: Recording, series: Series, sigmas: float) -> Alarms:
    """More negative tweets in five minutes than mean + k · sd of the five minutes of the last 24 hours."""
    negative = _last_five_minutes(series.tweets_negative).astype(np.float64)
    # Every five minutes' count of the day before the window, by cumulated sums of the sliding counts.
    sums, squares = (np.concatenate(([0.0], np.cumsum(values))) for values in (negative, negative**2))
    end = np.maximum(np.arange(1, len(negative) + 1) - _WINDOW, 0)
    begin = np.maximum(end - _DAY, 0)
    number = np.maximum(end - begin, 1)
    mean = (sums[end] - sums[begin]) / number
    spread = np.sqrt(np.maximum((squares[end] - squares[begin]) / number - mean**2, 0.0))
    return _merged(recording, series, (negative >= 5) & (negative > mean + sigmas * np.maximum(spread, 0.5)))


def adwin(recording: Recording, _series: Series, delta: float) -> Alarms:
    """ADWIN (Bifet and Gavaldà 2007) on the stream of negative-or-not: an alarm when the share has risen.

    It ends with the next change, which is the way back if that is noticed.
    """
    from river.drift import ADWIN

    detector = ADWIN(delta=delta)
    on_time = ~recording.late
    alarms: Alarms = []
    before = 0.0
    for moment, said in zip(recording.times_s[on_time].tolist(), recording.negative[on_time].tolist(), strict=True):
        detector.update(said)
        if detector.drift_detected:
            after = detector.estimation
            if alarms and alarms[-1][1] == np.inf and not (after > before and moment - alarms[-1][0] < _SAME_S):
                alarms[-1] = alarms[-1][0], float(moment)
            if after > before and (not alarms or moment - alarms[-1][0] >= _SAME_S):
                alarms.append((float(moment), np.inf))
        before = detector.estimation
    return [alarm for alarm in alarms if alarm[0] >= recording.judged_from_s]


def _last_five_minutes(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
    ends = np.arange(1, len(sums))
    found: NDArray[np.int64] = sums[ends] - sums[np.maximum(ends - _WINDOW, 0)]
    return found


def _merged(recording: Recording, series: Series, on: Sequence[bool] | NDArray[np.bool_]) -> Alarms:
    ticks = np.flatnonzero(on)
    moments = series.start_s + (ticks + 1) * BUCKET_S
    moments = moments[moments > recording.judged_from_s]
    if not len(moments):
        return []
    cuts = np.flatnonzero(np.diff(moments) > _GAP_S + BUCKET_S)
    begins, ends = np.concatenate(([0], cuts + 1)), np.concatenate((cuts, [len(moments) - 1]))
    return [(float(moments[b]), float(moments[e]) + _GAP_S + BUCKET_S) for b, e in zip(begins, ends, strict=True)]
