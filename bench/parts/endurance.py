"""Millions of tweets through one worker: is its memory flat, and does the watch role keep up with the score role."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from bench.parts.backlog import Backlog
from bench.stage.processes import cpu_seconds, resident_mib
from bench.stage.programs import Worker, running_worker
from bench.stage.site import BOTH, SCORE, Roles, Site
from contracts.errors import BuzzwatchError

_SAMPLE_S: Final = 0.5
_ROWS: Final = 6
_STALL_S: Final = 30.0
_WARM: Final = 0.1
"""Part of the tweets after which caches and queues have their size; flatness is judged behind it."""


class Moment(NamedTuple):
    """What was seen at one moment."""

    seconds: float
    """Since the first tweet was readable."""
    scored: int
    watched: int
    resident_mib: float


class Course(NamedTuple):
    """One run from the first tweet to the last."""

    roles: str
    tweets: int
    cpu_s: float
    moments: list[Moment]

    @property
    def tweets_per_s(self) -> float:
        """Throughput of the score role."""
        scored = next(moment for moment in self.moments if moment.scored >= self.tweets)
        return self.tweets / scored.seconds

    @property
    def pace(self) -> float:
        """The counting's throughput beside the scoring's; 1 when nothing is left to count after the last prediction."""
        scored = next(moment for moment in self.moments if moment.scored >= self.tweets)
        return scored.seconds / self.moments[-1].seconds

    @property
    def warm_mib(self) -> list[float]:
        """Resident memory behind the warm-up."""
        return [moment.resident_mib for moment in self.moments if moment.scored >= _WARM * self.tweets]

    @property
    def drift(self) -> float:
        """How far memory strays from its middle, as a share of it."""
        low, high = min(self.warm_mib), max(self.warm_mib)
        return (high - low) / (high + low)


def memory(site: Site, count: int, progress: Callable[[str], None]) -> Course:
    """The score role alone, at full speed.

    Raises:
        BuzzwatchError: it stopped before the end.
    """
    return _course(site, SCORE, count, progress)


def watching(site: Site, count: int, progress: Callable[[str], None]) -> Course:
    """Both roles in one worker, on tweets of the present. Raises as `memory` does."""
    return _course(site, BOTH, count, progress)


def _course(site: Site, roles: Roles, count: int, progress: Callable[[str], None]) -> Course:
    settings = site.fresh(roles=roles)
    with running_worker(site, settings) as worker:
        backlog = Backlog.of(settings, count, live="watch" in roles)
        cpu = cpu_seconds(worker.pid)
        moments = _moments(worker, count, backlog.release(), is_watched="watch" in roles)
        course = Course(" and ".join(sorted(roles)), count, cpu_seconds(worker.pid) - cpu, moments)
    site.forget(settings)
    progress(f"{course.roles}: {course.tweets_per_s:,.0f} tweets/s, memory ± {course.drift:.1%}")
    return course


def _moments(worker: Worker, count: int, since: float, *, is_watched: bool) -> list[Moment]:
    moments: list[Moment] = []
    moved = since
    while True:
        seen = worker.metrics()
        now = time.monotonic()
        scored = int(seen.get("buzzwatch_tweets_scored_total", 0))
        watched = int(seen.get("buzzwatch_predictions_counted_total", 0)) if is_watched else scored
        if not seen and worker.program.is_alive and now - moved < _STALL_S:
            continue
        if not moments or (scored, watched) != (moments[-1].scored, moments[-1].watched):
            moved = now
        moments.append(Moment(now - since, scored, watched, resident_mib(worker.pid)))
        if watched >= count:
            return moments
        if now - moved > _STALL_S or not worker.program.is_alive:
            raise BuzzwatchError(f"it stopped at {scored:,} scored, {watched:,} counted: {worker.program.complaint}")
        time.sleep(_SAMPLE_S)


def thinned(moments: Sequence[Moment]) -> list[Moment]:
    """A few of them, the last one included."""
    step = max(1, len(moments) // _ROWS)
    return [*moments[::step][:_ROWS], moments[-1]]
