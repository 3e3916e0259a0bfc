"""The `quiet` rule over recorded counts, minute by minute in the data's own time. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

import numpy as np

from alerts.backtest.alert_replay import ReplayedAlert
from alerts.backtest.series import BUCKET_S, Ints, Series
from alerts.detectors import quiet
from alerts.state.alert import Alert
from contracts.rules.schema import Quiet

_DAYS: Final = 7
_HOUR_M: Final = 60
_DAY_M: Final = 24 * 60


def replay_quiet(rule: Quiet, where: Mapping[str, str], series: Series) -> Iterator[Alert]:
    """The alerts of one watch, or of the whole stream, in their order; one that lasts to the end has no `ends_at_ms`.

    What is usual is the middle of the days before, a part of an hour taken as that part of its tweets, as live.
    """
    per = 60 // BUCKET_S
    padded = np.concatenate((series.tweets, np.zeros(-len(series.tweets) % per, np.int64)))
    minutes = padded.reshape(-1, per).sum(axis=1)
    lead = series.start_s // 60 % _HOUR_M  # so that hours are whole ones
    minutes = np.concatenate((np.zeros(lead, np.int64), minutes))
    start_s = series.start_s - lead * 60
    sums = np.concatenate((np.zeros(1, np.int64), np.cumsum(minutes)))
    # Hours are spread evenly over their minutes.
    whole = np.concatenate((minutes, np.zeros(-len(minutes) % _HOUR_M, np.int64)))
    spread = np.concatenate((np.zeros(1), np.cumsum(np.repeat(whole.reshape(-1, _HOUR_M).mean(axis=1), _HOUR_M))))
    window = int(rule.window // 60)
    ticks = np.arange(_DAY_M, len(sums))
    now = sums[ticks] - sums[ticks - window]
    days = np.stack([_part(spread, ticks - day * _DAY_M, window) for day in range(1, _DAYS + 1)])
    life = ReplayedAlert(rule, where)
    for tick, tweets, column in zip(ticks.tolist(), now.tolist(), days.T.tolist(), strict=True):
        usual = [number for number in column if number > 0]
        verdict = quiet.judge(rule, tweets, usual, firing=life.alert is not None)
        now_ms = (start_s + tick * 60) * 1000
        active = verdict is not None and verdict.active
        yield from life.step(active=active, now_ms=now_ms, starts_at_ms=now_ms, value=float(tweets))
    if life.firing is not None:
        yield life.firing


def _part(
    spread: np.ndarray[tuple[int], np.dtype[np.float64]], ends: Ints, window: int
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    last = len(spread) - 1
    return spread[np.clip(ends, 0, last)] - spread[np.clip(ends - window, 0, last)]
