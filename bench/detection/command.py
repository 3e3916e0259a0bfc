"""What `buzzwatch bench detection` does."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.detection import figures
from bench.detection.run import Found, Task, months, run, weeks
from bench.detection.texts import load_pools
from bench.reporting.report import as_json, show, writable, writing
from contracts.errors import BuzzwatchError
from contracts.rules.schema import BadBuzz, Rules


@dataclass(frozen=True)
class Size:
    """How much is simulated."""

    weeks: int
    months: int
    curve: bool
    """Whether every contender is tried at other thresholds as well, for the picture."""


def detection(rules: Rules, artefact: Path, size: Size, to: Path, output: str, markdown: Path | None) -> None:
    """Simulate, judge, and show tables; writes `detection.json`, and with the curve `detection.png`, into `to`.

    Raises:
        BuzzwatchError: the rules file has no bad_buzz rule for whole watches, the model brought no answers about
            held-out tweets, or `to` cannot be written.
        ArtefactError: the model's answers about held-out tweets cannot be read.
    """
    rule = next((one for one in rules.rules if isinstance(one, BadBuzz) and not one.per_theme), None)
    if rule is None:
        raise BuzzwatchError("the rules file has no bad_buzz rule for whole watches")
    writable(to)
    errors = Console(stderr=True)
    pools = load_pools(artefact)
    found = _run(weeks(rule, pools, curve=size.curve), size.weeks, "weeks", errors)
    reports = [figures.summary(found), figures.classes(found), figures.passed_on(found), figures.false_alarms(found)]
    if size.months:
        reports.append(figures.by_week(_run(months(rule, pools), size.months, "months", errors)))
    show(reports, output, markdown)
    with writing(to):
        if size.curve:
            figures.draw(found, to / "detection.png")
        (to / "detection.json").write_text(json.dumps(as_json(reports), indent=2), encoding="utf-8")


def _run(task: Task, number: int, what: str, errors: Console) -> Found:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        line = bar.add_task("", total=number)
        seeds = range(task.first_seed, task.first_seed + number)
        return run(task, seeds, min(os.cpu_count() or 1, 8), lambda done: bar.update(line, completed=done))
