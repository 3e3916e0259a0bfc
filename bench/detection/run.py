"""Simulated weeks through our rule and its peers, over a grid of thresholds each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Final, NamedTuple

from alerts.backtest.bad_buzz import Replay
from alerts.backtest.series import Series, Span, count
from bench.detection import peers
from bench.detection.peers import Alarms
from bench.detection.scoring import Judged, score
from bench.detection.texts import Pool
from bench.detection.traffic import Fortnight, simulate
from contracts.rules.schema import BadBuzz

FIRST_SEED: Final = 2000
"""Thresholds and constants were chosen on seeds below."""

Detect = Callable[[Fortnight, Series, float], Alarms]


class Contender(NamedTuple):
    """A detector with the threshold that is compared in the tables, and others for the curve."""

    name: str
    what: str
    """What the threshold is."""
    shown: float
    grid: tuple[float, ...]


CONTENDERS: Final = (
    Contender("buzzwatch", "false_alarms", 0.3, (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)),
    Contender("fixed threshold", "share", 0.6, (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)),
    Contender("3 sigma on counts", "sigmas", 3.0, (3.0, 5.0, 8.0, 12.0, 20.0)),
    Contender("ADWIN (river)", "delta", 0.002, (1e-8, 1e-5, 0.002, 0.05)),
)

Found = dict[tuple[str, float], list[Judged]]
"""Contender and threshold → one entry per week."""


def run(rule: BadBuzz, pools: list[Pool], seeds: Sequence[int], processes: int, said: Callable[[int], None]) -> Found:
    """Every contender on every week. `said` hears of weeks done."""
    found: Found = {(one.name, value): [] for one in CONTENDERS for value in one.grid}
    with ProcessPoolExecutor(processes) as executor:
        for number, week in enumerate(executor.map(partial(_week, rule, pools), seeds), start=1):
            for key, judged in week.items():
                found[key].append(judged)
            said(number)
    return found


def _week(rule: BadBuzz, pools: list[Pool], seed: int) -> dict[tuple[str, float], Judged]:
    fortnight = simulate(seed, pools)
    series = count(Span.of(fortnight.times_s), fortnight.times_s, fortnight.negative, fortnight.texts, fortnight.late)
    detectors: dict[str, Detect] = {
        "buzzwatch": partial(ours, rule),
        "fixed threshold": peers.fixed_threshold,
        "3 sigma on counts": peers.three_sigma,
        "ADWIN (river)": peers.adwin,
    }
    return {
        (one.name, value): score(fortnight, detectors[one.name](fortnight, series, value), pools[fortnight.pool])
        for one in CONTENDERS
        for value in one.grid
    }


def ours(rule: BadBuzz, fortnight: Fortnight, series: Series, false_alarms: float) -> Alarms:
    """The rule as it ships, with this rate of false alarms."""
    tuned = rule.model_copy(update={"false_alarms": false_alarms})
    return [
        (
            # The end of the bucket in which the condition first held: when it was known.
            start_ms / 1000 + 5,
            float("inf") if end_ms is None else end_ms / 1000,
        )
        for start_ms, end_ms in Replay(tuned, {"watch": "simulated"}, series).episodes(fortnight.judged_from_s)
    ]
