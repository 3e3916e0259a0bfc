"""What a tweet costs as the work grows: more partitions, more watches, longer tweets, deeper backlogs, more workers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final, NamedTuple

from bench.parts.backlog import Backlog, Offsets
from bench.stage.processes import cpu_seconds, peak_mib
from bench.stage.programs import Worker, explained, running_worker
from bench.stage.rules import write_watches
from bench.stage.site import Site
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

PARTITIONS: Final = (1, 4, 16, 64)
WATCHES: Final = (1, 10, 100, 1000)
CHARACTERS: Final = (20, 140, 500, 2000)
BACKLOGS: Final = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
_DRAIN_S: Final = 180.0
_SMALL: Final = 1000
_WARM_UP: Final = 20_000


class Cost(NamedTuple):
    """What one worker, or several, spent on a backlog."""

    what: str
    size: int
    """Partitions, watches, characters, tweets or workers."""
    tweets: int
    seconds: float
    """From the moment at which the backlog was readable until its last offset was committed."""
    cpu_s: float
    peak_mib: float
    shares: tuple[float, ...] = ()
    """Of the tweets, by worker."""

    @property
    def tweets_per_s(self) -> float:
        """Throughput."""
        return self.tweets / self.seconds

    @property
    def cpu_us(self) -> float:
        """Processor time a tweet, microseconds."""
        return self.cpu_s / self.tweets * 1e6


class Unmeasured(NamedTuple):
    """A size that could not be measured."""

    what: str
    size: int
    why: str


Costs = list[Cost | Unmeasured]


def run(site: Site, count: int, largest_backlog: int, progress: Callable[[str], None]) -> Costs:
    """Every table but that of the workers; `count` tweets for each row, fewer where tweets are long."""
    tables: tuple[tuple[str, tuple[int, ...], Callable[[int], Cost]], ...] = (
        ("partitions", PARTITIONS, lambda n: _one(site, "partitions", n, count, partitions=n)),
        ("watches", WATCHES, lambda n: _watches(site, n, count)),
        ("characters", CHARACTERS, lambda n: _one(site, "characters", n, min(count, count * 400 // n), characters=n)),
    )
    costs = [_measured(what, size, progress, measure) for what, sizes, measure in tables for size in sizes]
    progress("backlogs")
    try:
        costs += backlogs(site, [size for size in BACKLOGS if size <= largest_backlog])
    except BuzzwatchError as error:
        costs.append(Unmeasured("backlog", largest_backlog, explained(error)))
    return costs


def workers(site: Site, count: int, turns: int, progress: Callable[[str], None]) -> Costs:
    """The same backlog for one worker and for two, who share it: so many times in turn; the middle one counts."""
    rows = [
        [_measured("workers", number, progress, lambda n: _workers(site, n, count)) for number in (1, 2)]
        for _ in range(turns)
    ]
    return [_middle(found) for found in zip(*rows, strict=True)]


def _middle(found: Sequence[Cost | Unmeasured]) -> Cost | Unmeasured:
    """The one with the middle processor time."""
    measured = sorted((one for one in found if isinstance(one, Cost)), key=lambda cost: cost.cpu_us)
    return measured[len(measured) // 2] if measured else found[0]


def backlogs(site: Site, sizes: Iterable[int]) -> list[Cost]:
    """One warm worker meets one backlog after the other."""
    settings = site.fresh()
    costs = []
    with running_worker(site, settings) as worker:
        _drain(settings, Backlog.of(settings, _WARM_UP), [worker])
        for size in sizes:
            # A few tweets say little about their cost: those backlogs come ten times, the middle one counts.
            times = [_drain(settings, Backlog.of(settings, size), [worker]) for _ in range(10 if size <= _SMALL else 1)]
            middle = sorted(times, key=lambda one: one[0])[len(times) // 2]
            costs.append(Cost("backlog", size, size, *middle, peak_mib(worker.pid)))
    site.forget(settings)
    return costs


def _measured(
    what: str, size: int, progress: Callable[[str], None], measure: Callable[[int], Cost]
) -> Cost | Unmeasured:
    try:
        cost = measure(size)
    except BuzzwatchError as error:
        progress(f"{size:,} {what}: {explained(error)}")
        return Unmeasured(what, size, explained(error))
    progress(f"{size:,} {what}: {cost.tweets_per_s:,.0f} tweets/s, {cost.cpu_us:.1f} µs of processor time a tweet")
    return cost


def _one(
    site: Site,
    what: str,
    size: int,
    count: int,
    *,
    partitions: int = 4,
    characters: int | None = None,
    rules: Path | None = None,
) -> Cost:
    settings = site.fresh(partitions=partitions, rules=rules)
    with running_worker(site, settings) as worker:
        _drain(settings, Backlog.of(settings, _WARM_UP, characters=characters), [worker])
        seconds, cpu_s = _drain(settings, Backlog.of(settings, count, characters=characters), [worker])
        cost = Cost(what, size, count, seconds, cpu_s, peak_mib(worker.pid))
    site.forget(settings)
    return cost


def _watches(site: Site, number: int, count: int) -> Cost:
    rules = write_watches(site.settings.rules, site.folder / f"{number}-watches.yaml", number)
    return _one(site, "watches", number, count, rules=rules)


def _workers(site: Site, number: int, count: int) -> Cost:
    settings = site.fresh()
    each = settings.kafka.topics.partitions // number
    with ExitStack() as stack:
        team = []
        for place in range(number):
            partitions = settings.kafka.topics.partitions if place == 0 else each
            team.append(stack.enter_context(running_worker(site, settings, partitions=partitions, slot=place)))
        for worker in team:
            worker.await_partitions(each)
        _drain(settings, Backlog.of(settings, _WARM_UP), team)
        before = [worker.metrics().get(_SCORED, 0.0) for worker in team]
        seconds, cpu_s = _drain(settings, Backlog.of(settings, count), team)
        scored = [worker.metrics().get(_SCORED, 0.0) - then for worker, then in zip(team, before, strict=True)]
        memory = sum(peak_mib(worker.pid) for worker in team)
        shares = tuple(one / max(sum(scored), 1) for one in scored)
        cost = Cost("workers", number, count, seconds, cpu_s, memory, shares)
    site.forget(settings)
    return cost


_SCORED: Final = "buzzwatch_tweets_scored_total"


def _drain(settings: Settings, backlog: Backlog, team: list[Worker]) -> tuple[float, float]:
    """Release the backlog and wait until its end is committed: seconds and the workers' processor seconds."""
    offsets = Offsets(settings, f"{settings.worker.group}-score")
    pause = 0.002 if backlog.count <= _SMALL else 0.02
    try:
        offsets.now()  # finding the coordinator takes a quarter of a second
        cpu = sum(cpu_seconds(worker.pid) for worker in team)
        since = backlog.release()
        while any(offsets.now().get(partition, 0) < end for partition, end in backlog.ends.items()):
            now = time.monotonic()
            if now - since > _DRAIN_S or not all(worker.program.is_alive for worker in team):
                raise BuzzwatchError(f"{backlog.count:,} tweets were not drained: {team[0].program.complaint}")
            time.sleep(pause)
        return time.monotonic() - since, sum(cpu_seconds(worker.pid) for worker in team) - cpu
    finally:
        offsets.close()
