"""What `buzzwatch bench detection` does."""

from __future__ import annotations

import json
import os
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from bench.detection import figures
from bench.detection.run import FIRST_SEED, run
from bench.detection.texts import load_pools
from bench.reporting.report import as_json, show, writable, writing
from contracts.errors import BuzzwatchError
from contracts.rules.schema import BadBuzz, Rules


def detection(rules: Rules, data: Path, weeks: int, to: Path, output: str, markdown: Path | None) -> None:
    """Simulate, judge, and show tables; writes `detection.json` and `detection.png` into the folder `to`.

    Raises:
        BuzzwatchError: the rules file has no bad_buzz rule for whole watches, or `to` cannot be written.
        DataError: the labelled tweets are not there.
    """
    rule = next((one for one in rules.rules if isinstance(one, BadBuzz) and not one.per_theme), None)
    if rule is None:
        raise BuzzwatchError("the rules file has no bad_buzz rule for whole watches")
    writable(to)
    errors = Console(stderr=True)

    def say(line: str) -> None:
        if errors.is_terminal:
            errors.print(line, markup=False, highlight=False)

    pools = load_pools(data, say)
    columns = (TextColumn("weeks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=weeks)
        seeds = range(FIRST_SEED, FIRST_SEED + weeks)
        found = run(rule, pools, seeds, min(os.cpu_count() or 1, 8), lambda done: bar.update(task, completed=done))
    reports = [figures.summary(found), figures.classes(found), figures.false_alarms(found)]
    show(reports, output, markdown)
    with writing(to):
        figures.draw(found, to / "detection.png")
        (to / "detection.json").write_text(json.dumps(as_json(reports), indent=2), encoding="utf-8")
