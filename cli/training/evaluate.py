"""`buzzwatch evaluate`: how good is a model on a labelled file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from cli.output.console import print_error, progress_bar
from cli.output.options import DATA_HELP, Encoding, Format, path
from contracts.settings import load_settings
from models.base.sentiment import SentimentModel
from training.data.datasets import DataError, read_labelled
from training.evaluation.evaluate import evaluate as score_and_measure
from training.evaluation.evaluate import find_model
from training.evaluation.faithfulness import Deletion, deletion_test
from training.evaluation.metrics import as_json

app = typer.Typer(add_completion=False)

_EXAMPLES = """Measure a model on labelled tweets, each figure with its 95 % interval.

The file has columns or fields `text` and `label` (negative, neutral, positive). Without --model the champion of MLflow
is measured, or the shipped model when MLflow is away; its version is printed on standard error.

Examples:

  buzzwatch evaluate --data tweets.parquet

  buzzwatch evaluate --data tweets.csv --model build/linear --format json

  buzzwatch evaluate --data tweets.jsonl --model models:/sentiment/3

  buzzwatch evaluate --data tweets.csv --model build/minilm --deletion 500
"""


@app.command(help=_EXAMPLES)
def evaluate(
    data: Annotated[Path, typer.Option(parser=path, metavar="PATH", help=DATA_HELP)],
    model: Annotated[
        str | None, typer.Option(metavar="FOLDER|URI", help="An artefact folder or an MLflow URI.")
    ] = None,
    deletion: Annotated[
        int | None,
        typer.Option(min=1, metavar="N", help="Instead: take words out of N random texts, to test the explanations."),
    ] = None,
    encoding: Encoding = None,
    output: Format = "table",
) -> None:
    """Measure a model on labelled tweets."""
    labelled = read_labelled(data, encoding, print_error)
    loaded, name = find_model(load_settings(), model)
    errors = Console(stderr=True)
    errors.print(f"model: {name}", markup=False, highlight=False)
    if trained_on := loaded.metadata.get("trained_on"):
        note = f"it has learnt from {trained_on}; on texts of those it looks better than it is"
        errors.print(note, markup=False, highlight=False, soft_wrap=True)
    if deletion is not None:
        with errors.status("taking words out"):
            tested = _deletion(loaded, labelled.texts, deletion, data)
        if output == "json":
            typer.echo(json.dumps(tested._asdict()))
        else:
            Console().print(_deletion_table(tested))
        return
    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with progress_bar(*columns) as bar:
        task = bar.add_task("", total=len(labelled.texts))
        report = as_json(score_and_measure(loaded, labelled, lambda rows: bar.advance(task, rows)))
    if output == "json":
        typer.echo(json.dumps(report))
    else:
        Console().print(_table(report))


def _deletion(model: SentimentModel, texts: list[str], most: int, data: Path) -> Deletion:
    rows = np.random.default_rng(0).permutation(len(texts))[:most]
    try:
        return deletion_test(model, [texts[i] for i in rows.tolist()])
    except ValueError as error:
        raise DataError(f"{data}: {error} for a deletion test") from None


def _deletion_table(tested: Deletion) -> Table:
    table = Table("two words taken out", "value", caption=f"n = {tested.n:,}", caption_justify="left")
    table.add_row("change of P(positive) - P(negative), by the largest weights", f"{tested.explained:.3f}")
    table.add_row("the same, at random", f"{tested.random:.3f}")
    table.add_row("texts that move at least as far by the weights", f"{tested.more:.1%}")
    return table


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
