"""Results as a table for the terminal, JSON or Markdown."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


class Report(NamedTuple):
    """One table; `rows` hold text only, `data` what it was made from."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    data: object


def show(report: Report, output: str, markdown: Path | None) -> None:
    """Print it as `table` or `json`, and append it to a Markdown file when one is named."""
    if output == "json":
        print(json.dumps(report.data, indent=2))
    else:
        table = Table(title=report.title)
        for number, column in enumerate(report.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in report.rows:
            table.add_row(*row)
        Console().print(table)
    if markdown is not None:
        with markdown.open("a", encoding="utf-8") as file:
            file.write(as_markdown(report))


def as_markdown(report: Report) -> str:
    """The table in Markdown."""
    lines = [
        f"\n### {report.title}\n",
        _line(report.columns),
        _line(["---", *["---:"] * (len(report.columns) - 1)]),
        *map(_line, report.rows),
    ]
    return "\n".join(lines) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
