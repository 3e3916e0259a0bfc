"""The `foreign_volume` rule over recorded counts, minute by minute in the data's own time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from alerts.backtest.alert_replay import ReplayedAlert
from alerts.backtest.series import BUCKET_S, Series
from alerts.detectors import foreign_volume
from alerts.detectors.foreign_volume import DAYS, HOUR_S, Past
from alerts.state.alert import Alert
from contracts.rules.schema import ForeignVolume

_HOUR: Final = HOUR_S // BUCKET_S
_MINUTE: Final = 60 // BUCKET_S


def replay_foreign_volume(rule: ForeignVolume, where: Mapping[str, str], series: Series) -> Iterator[Alert]:
    """The alerts of one watch in their order; one that lasts to the end has no `ends_at_ms`.

    Args:
        series: only tweets in languages that the model does not know. Counting began with its first bucket.
    """
    lead = series.start_s % HOUR_S // BUCKET_S  # so that hours are whole ones
    past = np.concatenate((np.zeros(1 + lead, np.int64), np.cumsum(series.past_total)))
    past[1 : 1 + lead] = 0
    now = np.concatenate((np.zeros(1 + lead, np.int64), np.cumsum(series.total)))
    start_s = series.start_s - lead * BUCKET_S
    window = -(-int(rule.window) // BUCKET_S)
    life = ReplayedAlert(rule, where)
    for tick in range(lead + _MINUTE, len(now), _MINUTE):
        volume = int(now[tick] - now[max(tick - window, 0)])
        if volume < rule.min_volume and life.alert is None:
            continue
        began = None if life.alert is None else (life.alert.starts_at_ms // 1000 - start_s) // BUCKET_S
        if began is not None and (tick - began) * BUCKET_S >= rule.baseline:
            began = None
        expected = foreign_volume.usual(rule, _past(rule, past, tick, began, lead))
        verdict = foreign_volume.judge(rule, volume, expected, firing=life.firing is not None)
        now_ms = (start_s + tick * BUCKET_S) * 1000
        starts_at_ms = now_ms - _MINUTE * BUCKET_S * 1000
        yield from life.step(active=verdict.active, now_ms=now_ms, starts_at_ms=starts_at_ms, value=float(volume))
    if life.firing is not None:
        yield life.firing


def _past(
    rule: ForeignVolume, sums: np.ndarray[tuple[int], np.dtype[np.int64]], tick: int, began: int | None, lead: int
) -> Past:
    """As the live condition sees it: whole hours before the window, and before the alert where there is one."""
    until = tick - -(-int(rule.window) // BUCKET_S)
    if began is not None:
        until = min(until, began)
    until = max(until, 0)
    since = max(until - int(rule.baseline) // BUCKET_S, 0)
    hours = [
        float(sums[start + _HOUR] - sums[start])
        for start in range(-(-since // _HOUR) * _HOUR, until // _HOUR * _HOUR, _HOUR)
    ]
    hour = tick // _HOUR * _HOUR
    days = []
    for day in DAYS:
        first, last = hour - day * 24 * _HOUR - _HOUR, hour - day * 24 * _HOUR + 2 * _HOUR
        if last > lead:
            days.append(float(sums[last] - sums[max(first, 0)]) / 3)
    first = max(since, lead)
    return Past(hours, days, float(sums[max(until, first)] - sums[first]), float(max(until - first, 0) * BUCKET_S))
