"""What `buzzwatch bench loop` does."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from bench.loop import tables
from bench.loop.estimates import arrival, halved
from bench.loop.months import Gain, months, play
from bench.loop.queue import choice
from bench.loop.runs import canaries, poisoned
from bench.loop.world import World, load_world, trained
from bench.reporting.report import Goal, Report, as_json, goals_report, show, writable, writing
from models.linear.model import HashedModel

AA_RUNS: Final = 200
WORSE_RUNS: Final = 20
PARTS: Final = ("months", "queue", "canaries", "poison", "estimates")


def loop(
    data: Path,
    seeds: int,
    poison_runs: int,
    to: Path,
    output: str,
    markdown: Path | None,
    only: Sequence[str],
    progress: Callable[[str], None],
) -> None:
    """Simulate, and show tables; writes `loop.json` into `to`, and `loop.png` where the months are among the parts.

    Args:
        seeds: runs of the six months and of the queue. poison_runs: of the poisoners.
        only: some of `PARTS`.

    Raises:
        BuzzwatchError: a file of labelled tweets is not there, or `to` cannot be written.
    """
    writable(to)
    progress("reading labelled tweets, learning from emoticons")
    simulation = _Simulation(load_world(data), progress)
    if "months" in only:
        simulation.months(seeds)
    if "queue" in only:
        simulation.queue(seeds)
    if "canaries" in only:
        simulation.canaries()
    if "poison" in only and poison_runs:
        simulation.poison(poison_runs)
    if "estimates" in only:
        simulation.estimates()
    reports = [*simulation.reports, goals_report(simulation.goals)]
    show(reports, output, markdown)
    with writing(to):
        if simulation.runs:
            tables.draw_months(simulation.runs, to / "loop.png")
        (to / "loop.json").write_text(json.dumps(as_json(reports), indent=2), encoding="utf-8")


class _Simulation:
    """The parts, each of which adds tables and goals."""

    def __init__(self, world: World, progress: Callable[[str], None]) -> None:
        self._world = world
        self._progress = progress
        self._good: HashedModel | None = None
        """After six months."""
        self.reports: list[Report] = []
        self.goals: list[Goal] = []
        self.runs: dict[float, list[Gain]] = {}

    def months(self, seeds: int) -> None:
        played = [play(self._world, seed, self._progress) for seed in range(seeds)]
        self.runs = {right: [one.gains[right] for one in played] for right in (0.9, 0.8)}
        self._good = played[-1].model
        self.reports += [tables.months_table(self.runs), tables.french_table(played)]
        self.goals += tables.months_goals(self.runs, played)

    def queue(self, seeds: int) -> None:
        chosen = []
        for seed in range(seeds):
            self._progress(f"the queue beside chance, run {seed + 1} of {seeds}")
            chosen.append(choice(self._world, 0.9, seed, trained(self._world, seed=seed)))
        self.reports.append(tables.queue_table(chosen))
        self.goals += tables.queue_goals(chosen)

    def canaries(self) -> None:
        self._progress("canaries")
        frozen = trained(self._world)
        good = self._good or months(self._world, 0.9, 0, frozen)[1]
        equal, worse = canaries(self._world, good, frozen, AA_RUNS, WORSE_RUNS)
        self.reports.append(tables.canary_table(equal, worse))
        self.goals += tables.canary_goals(equal, worse)

    def poison(self, runs: int) -> None:
        attacked = []
        for seed in range(runs):
            self._progress(f"poisoners, run {seed + 1} of {runs}")
            attacked.append(poisoned(self._world, seed))
        self.reports.append(tables.poison_table(attacked))
        self.goals += tables.poison_goals(attacked)

    def estimates(self) -> None:
        self._progress("estimates without labels")
        frozen = trained(self._world)
        known, missing = halved(self._world, frozen)
        estimated, crisis = arrival(self._world, frozen)
        self.reports += [tables.halved_table(known, missing), tables.estimate_table(estimated, crisis)]
        self.goals += tables.estimate_goals(known, estimated, crisis)
