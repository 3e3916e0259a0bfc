"""The whole benchmark in one go: every part in turn, whatever fails in between named and passed over."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from bench.parts import crises, endurance, growth, latency, steps, throughput
from bench.parts.growth import Costs
from bench.reporting import tables
from bench.reporting.report import Report, goals_report
from bench.stage.programs import explained
from bench.stage.site import Site


class Size(NamedTuple):
    """How much of everything."""

    tweets: int
    """In the topic that the contenders drain."""
    seconds: float
    """Most time for each contender and function, after its warm-up."""
    rates: tuple[int, ...]
    """Of the latency part, tweets a second."""
    latency_s: float
    """How long each rate is kept up."""
    warm_up_s: float
    """Before that."""
    crises: int
    growing: int
    """Tweets for each row of the growth tables."""
    backlog: int
    """The largest one."""
    workers: int
    """Tweets for one worker and for two."""
    turns: int
    """How often one worker and two are measured in turn, and how often the broker is warmed up."""
    memory: int
    watching: int
    rounds: int
    """Of the scoring steps."""


WHOLE: Final = Size(
    1_200_000, 8, (10, 100, 1000, 5000, 10_000), 10, 60, 120, 300_000, 1_000_000, 800_000, 3, 3_000_000, 500_000, 30
)
QUICK: Final = Size(150_000, 3, (100, 1000), 3, 10, 20, 50_000, 100_000, 100_000, 1, 200_000, 100_000, 10)
BATCH: Final = 4000
"""Tweets in a batch of the scoring steps."""
FUNCTIONS: Final = ("whole", "plain")

PARTS: Final = {
    "scoring": "the function alone, step by step",
    "throughput": "every contender on the same topic",
    "latency": "send to a read_committed reader",
    "webhook": "send to the bad-buzz webhook",
    "growth": "partitions, watches, lengths, backlogs",
    "workers": "two workers beside one",
    "memory": "flat over millions of tweets",
    "watching": "the watch role keeps up",
}
"""The values of `--only`, in the order in which they run."""


@dataclass
class Findings:
    """What was measured, an attribute for each part; parts that were not chosen or failed are empty."""

    parts: Sequence[str] = ()
    """The chosen parts."""
    scoring: Sequence[steps.Step] = ()
    throughput: Sequence[throughput.Result | throughput.Missing] = ()
    latency: Sequence[latency.Latency] = ()
    webhook: crises.Crises | None = None
    growth: Costs = field(default_factory=list)
    workers: Costs = field(default_factory=list)
    memory: endurance.Course | None = None
    watching: endurance.Course | None = None
    failed: dict[str, str] = field(default_factory=dict)
    """Part and reason."""


def estimate_s(size: Size, parts: Sequence[str], contenders: Sequence[str]) -> float:
    """Roughly how long it takes, seconds: start-up of what is measured, filling of topics, the measurement."""
    start, fill = 7.0, 1 / 100_000
    pace = 1 / 80_000
    drain = start + 5 + throughput.WARM_UP_S + size.seconds
    rows = len(growth.PARTITIONS) + len(growth.WATCHES) + len(growth.CHARACTERS)
    each = {
        "scoring": 3 + size.rounds * 0.4,
        "throughput": size.tweets * fill + (size.turns + len(contenders) * len(FUNCTIONS)) * drain,
        "latency": start + size.warm_up_s + len(size.rates) * (size.latency_s + 4),
        "webhook": 2 * start + size.crises * 0.25 + 3,
        "growth": rows * (start + size.growing * (fill + pace)) + 30 + size.backlog * 1.1 * (fill + pace),
        "workers": size.turns * (3 * start + 2 * size.workers * (fill + pace)),
        "memory": start + size.memory * (fill + pace),
        "watching": start + size.watching * (fill + 2 * pace),
    }
    return 15 + sum(each[part] for part in parts)


def run(
    site: Site, size: Size, parts: Sequence[str], contenders: Sequence[str], progress: Callable[[str], None]
) -> Findings:
    """Measure the parts; one that fails is in `failed` with the reason, and the next one goes on."""
    found = Findings(parts=parts)

    measures: dict[str, Callable[[], Any]] = {
        "scoring": lambda: steps.run(site.settings, BATCH, size.rounds),
        "throughput": lambda: throughput.run(
            site, contenders, FUNCTIONS, size.tweets, size.seconds, progress, warm_ups=size.turns
        ),
        "latency": lambda: latency.run(site, size.rates, size.latency_s, size.warm_up_s, progress),
        "webhook": lambda: crises.run(site, size.crises, progress),
        "growth": lambda: growth.run(site, size.growing, size.backlog, progress),
        "workers": lambda: growth.workers(site, size.workers, size.turns, progress),
        "memory": lambda: endurance.memory(site, size.memory, progress),
        "watching": lambda: endurance.watching(site, size.watching, progress),
    }
    for part in (part for part in PARTS if part in parts):
        progress(f"{part}: {PARTS[part]}")
        since = time.monotonic()
        try:
            setattr(found, part, measures[part]())
        except Exception as error:  # one part must not take the others with it
            found.failed[part] = explained(error)
        if part in found.failed:
            progress(f"{part} failed: {found.failed[part]}")
        progress(f"{part}: {time.monotonic() - since:.0f} s")
    return found


def reports(found: Findings) -> list[Report]:
    """Every table that there is something in; the goals first."""
    made: list[Report] = []
    goals = tables.goals(
        found.parts,
        rates=found.throughput,
        steps=found.scoring,
        latencies=found.latency,
        crises=found.webhook,
        workers=found.workers,
        memory=found.memory,
        watching=found.watching,
    )
    if goals:
        made.append(goals_report(goals))
    if found.throughput:
        made += [tables.throughput(found.throughput, function) for function in FUNCTIONS]
    if found.scoring:
        made.append(tables.scoring(found.scoring, BATCH))
    if found.latency:
        made.append(tables.latency(found.latency))
    if found.webhook:
        made.append(tables.crises(found.webhook))
    if found.growth:
        made += tables.growth(found.growth)
    if found.workers:
        made.append(tables.workers(found.workers))
    made += [tables.course(course) for course in (found.memory, found.watching) if course is not None]
    if found.failed:
        made.append(Report("Not measured", ("part", "why"), list(found.failed.items()), found.failed))
    return made
