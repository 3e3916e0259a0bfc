"""`buzzwatch evaluate`: how good is a model on a labelled file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from contracts.settings import load_settings
from training.datasets import read_labelled
from training.evaluate import evaluate as score_and_measure
from training.evaluate import find_model
from training.metrics import as_json

app = typer.Typer(add_completion=False)

_EXAMPLES = """Measure a model on labelled tweets, each figure with its 95 % interval.

The file has columns or fields `text` and `label` (negative, neutral, positive). Without --model the champion of MLflow
is measured, or the shipped model when MLflow is away; which one is said on standard error.

Examples:

  buzzwatch evaluate --data tweets.parquet

  buzzwatch evaluate --data tweets.csv --model build/linear --format json

  buzzwatch evaluate --data tweets.jsonl --model models:/sentiment/3
"""


@app.command(help=_EXAMPLES)
def evaluate(
    data: Annotated[Path, typer.Option(help="Parquet, CSV or JSONL.")],
    model: Annotated[
        str | None, typer.Option(metavar="FOLDER|URI", help="An artefact folder or an MLflow URI.")
    ] = None,
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="Rows for people or JSON.")] = "table",
) -> None:
    """Measure a model on labelled tweets."""
    labelled = read_labelled(data)
    loaded, name = find_model(load_settings(), model)
    errors = Console(stderr=True)
    errors.print(f"model: {name}", markup=False, highlight=False)
    if trained_on := loaded.metadata.get("trained_on"):
        note = f"it has learnt from {trained_on}; on texts of those it looks better than it is"
        errors.print(note, markup=False, highlight=False, soft_wrap=True)
    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=len(labelled.texts))
        report = as_json(score_and_measure(loaded, labelled, lambda rows: bar.advance(task, rows)))
    if output == "json":
        typer.echo(json.dumps(report))
    else:
        Console().print(_table(report))


def _table(report: dict[str, Any]) -> Table:
    table = Table("measure", "value", "95 % interval", caption=f"n = {report['n']:,}", caption_justify="left")
    rows = {name: value for name, value in report.items() if name not in ("n", "recall")}
    rows |= {f"recall {label}": value for label, value in report["recall"].items()}
    for name, value in rows.items():
        if value is None:
            table.add_row(name, "–", "no such rows")
        else:
            table.add_row(name, f"{value['value']:.4f}", f"{value['low']:.4f} to {value['high']:.4f}")
    return table
