"""Simulated weeks and months through our rule and its peers; each judged recording is kept, so that a run goes on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from alerts.backtest.bad_buzz import Replay
from alerts.backtest.series import Series, Span, count
from alerts.counters.voices import SURE
from bench.detection import peers
from bench.detection.peers import Alarms
from bench.detection.scoring import Judged, score
from bench.detection.texts import Pool
from bench.detection.traffic import FORTNIGHT, MONTH, Plan, Recording, simulate
from contracts.rules.schema import BadBuzz
from contracts.whole_files import arriving

FIRST_WEEK: Final = 40_000
FIRST_MONTH: Final = 50_000
"""Seeds. Thresholds and constants were chosen on seeds below."""
_KEPT: Final = Path("var") / "bench" / "detection"
_ROOT: Final = Path(__file__).parents[2]
_CODE: Final = (
    "alerts/backtest/*.py",
    "alerts/counters/voices.py",
    "alerts/detectors/*.py",
    "alerts/state/lifecycle.py",
    "bench/detection/*.py",
)
"""What decides what is judged, with the rule and the pools."""

Detect = Callable[[Recording, Series, float], Alarms]
Key = tuple[str, float]
"""Contender and threshold."""


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

Found = dict[Key, list[Judged]]
"""One entry per recording."""


@dataclass(frozen=True)
class Task:
    """What is simulated, and who judges it."""

    rule: BadBuzz
    pools: list[Pool]
    plan: Plan
    keys: tuple[Key, ...]
    first_seed: int
    kept: Path
    """Folder of what is judged already."""


def weeks(rule: BadBuzz, pools: list[Pool], *, curve: bool) -> Task:
    """Fortnights, whose second week every contender judges at its shown threshold; for the `curve` at all of them."""
    keys = tuple((one.name, value) for one in CONTENDERS for value in (one.grid if curve else (one.shown,)))
    return Task(rule, pools, FORTNIGHT, keys, FIRST_WEEK, _folder(rule, pools))


def months(rule: BadBuzz, pools: list[Pool]) -> Task:
    """Months that our rule sees from their first minute."""
    return Task(rule, pools, MONTH, ((CONTENDERS[0].name, CONTENDERS[0].shown),), FIRST_MONTH, _folder(rule, pools))


def run(task: Task, seeds: Sequence[int], processes: int, done: Callable[[int], None]) -> Found:
    """Judge the recordings of these seeds. `done` hears of their number."""
    found: Found = {key: [] for key in task.keys}
    with ProcessPoolExecutor(processes) as executor:
        for number, judged in enumerate(executor.map(partial(_judged, task), seeds), start=1):
            for key, one in judged.items():
                found[key].append(one)
            done(number)
    return found


def _judged(task: Task, seed: int) -> dict[Key, Judged]:
    """What is kept, and the rest judged now."""
    path = task.kept / f"{task.plan.weeks}-weeks-{seed}.msgpack"
    known: dict[str, Judged] = {}
    if path.is_file():
        known = msgspec.msgpack.decode(path.read_bytes(), type=dict[str, Judged])
    missing = [key for key in task.keys if _name(key) not in known]
    if missing:
        known.update((_name(key), judged) for key, judged in _judge(task, seed, missing))
        path.parent.mkdir(parents=True, exist_ok=True)
        with arriving(path) as new:
            new.write_bytes(msgspec.msgpack.encode(known))
    return {key: known[_name(key)] for key in task.keys}


def _judge(task: Task, seed: int, keys: Sequence[Key]) -> Iterator[tuple[Key, Judged]]:
    recording = simulate(seed, task.pools, task.plan)
    series = counted(task.rule, recording)
    detectors: dict[str, Detect] = {
        "buzzwatch": partial(ours, task.rule),
        "fixed threshold": peers.fixed_threshold,
        "3 sigma on counts": peers.three_sigma,
        "ADWIN (river)": peers.adwin,
    }
    for name, value in keys:
        yield (name, value), score(recording, detectors[name](recording, series, value), task.pools[recording.pool])


def counted(rule: BadBuzz, recording: Recording) -> Series:
    """What the rule counts."""
    return count(
        Span.of(recording.times_s),
        recording.times_s,
        recording.negative,
        recording.texts,
        recording.late,
        authors=recording.authors,
        sure=recording.confidence >= SURE,
        unit=rule.count,
    )


def ours(rule: BadBuzz, recording: Recording, series: Series, false_alarms: float) -> Alarms:
    """The rule as it ships, with this rate of false alarms: when each alert is first sent, and when it is over."""
    tuned = rule.model_copy(update={"false_alarms": false_alarms})
    first_fired: dict[int, tuple[float, float]] = {}
    for found in Replay(tuned, {"watch": "simulated"}, series).alerts(recording.judged_from_s):
        # One whose severity is raised goes on from the same start.
        first, _ = first_fired.get(found.alert.starts_at_ms, (found.fired_ms / 1000, 0.0))
        end_ms = found.alert.ends_at_ms
        first_fired[found.alert.starts_at_ms] = first, float("inf") if end_ms is None else end_ms / 1000
    return list(first_fired.values())


def _name(key: Key) -> str:
    return f"{key[0]} {key[1]:g}"


def _folder(rule: BadBuzz, pools: list[Pool]) -> Path:
    key = hashlib.sha256(rule.model_dump_json().encode())
    for path in (path for pattern in _CODE for path in sorted(_ROOT.glob(pattern))):
        key.update(path.name.encode() + path.read_bytes())
    for answers in (answers for pool in pools for answers in pool.answers):
        key.update(answers.tobytes())
    return _KEPT / f"judged-{key.hexdigest()[:16]}"
