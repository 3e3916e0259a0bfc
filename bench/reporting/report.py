"""Results as a table for the terminal, JSON or Markdown."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from contracts.errors import BuzzwatchError


class Report(NamedTuple):
    """One table; `rows` hold text only, `data` what it was made from."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    data: object
    notes: Sequence[str] = ()
    """Lines below the table."""


class Goal(NamedTuple):
    """A figure to reach, and the measured one."""

    what: str
    target: float
    measured: float | None
    """None when it was not measured, infinite when too many of the expected events never arrived."""
    unit: str
    at_least: bool = True

    @property
    def is_met(self) -> bool:
        """Whether it was reached; False when it was not measured."""
        if self.measured is None:
            return False
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    @property
    def verdict(self) -> str:
        """met, missed or not measured."""
        if self.measured is None:
            return "not measured"
        return "met" if self.is_met else "missed"


def goals_report(goals: Sequence[Goal]) -> Report:
    """The goals with the measured figures."""
    rows = [
        (
            goal.what,
            f"{'≥' if goal.at_least else '≤'} {figure(goal.target)} {goal.unit}".strip(),
            "" if goal.measured is None else f"{figure(goal.measured)} {goal.unit}".strip(),
            goal.verdict,
        )
        for goal in goals
    ]
    data = [goal._asdict() | {"met": goal.is_met, "verdict": goal.verdict} for goal in goals]
    return Report("Goals", ("measurement", "goal", "measured", "result"), rows, data)


def figure(number: float) -> str:
    """About three digits, thousands separated by commas."""
    size = abs(number)
    return f"{number:,.0f}" if size >= 100 else f"{number:.1f}" if size >= 10 else f"{number:.2f}".removesuffix(".00")


def show(reports: Sequence[Report], output: str, markdown: Path | None = None) -> None:
    """Print them as `table` or `json`, and append them to a Markdown file when one is named.

    JSON is the data of the only report, or an object by title when there are several.
    """
    if output == "json":
        print(json.dumps(as_json(reports), indent=2))
    else:
        for report in reports:
            _print(report)
    if markdown is not None:
        with writing(markdown), markdown.open("a", encoding="utf-8") as file:
            file.writelines(map(as_markdown, reports))


def writable(folder: Path) -> None:
    """Make a folder and write a temporary file in it, so that a long run does not fail at its end.

    Raises:
        BuzzwatchError: that is not possible.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"bench")


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises: BuzzwatchError, with the path and the system's reason, when the block cannot write."""
    try:
        yield
    except OSError as error:
        raise BuzzwatchError(f"{path}: cannot write there: {error.strerror or error}") from None


def as_json(reports: Sequence[Report]) -> object:
    """What `show` prints as JSON; null for infinite numbers, which JSON does not have."""
    return _finite(reports[0].data if len(reports) == 1 else {report.title: report.data for report in reports})


def _finite(data: object) -> object:
    if isinstance(data, Mapping):
        return {name: _finite(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(one) for one in data]
    return None if isinstance(data, float) and not math.isfinite(data) else data


def as_markdown(report: Report) -> str:
    """The table in Markdown."""
    lines = [
        f"\n### {report.title}\n",
        _line(report.columns),
        _line(["---", *["---:"] * (len(report.columns) - 1)]),
        *map(_line, report.rows),
        *(f"\n{note}" for note in report.notes),
    ]
    return "\n".join(lines) + "\n"


def _print(report: Report) -> None:
    table = Table(title=report.title, caption="\n".join(report.notes) or None, caption_justify="left")
    for number, column in enumerate(report.columns):
        table.add_column(column, justify="right" if number else "left")
    for row in report.rows:
        table.add_row(*row)
    console = Console()
    # A file or a pipe has no width of its own: use one at which no cell is cut.
    (console if console.is_terminal else Console(width=160)).print(table)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
