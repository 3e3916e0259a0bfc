"""`buzzwatch train`: models from labelled tweets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from contracts.settings import load_settings
from training.register import check_reachable, log_trained
from training.train_linear import Kind, train_linear

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train models.")

_EXAMPLES = """Train the linear model on labelled tweets, measure it on held-out ones, register it.

The folder holds sentiment140, airline, semeval and french.parquet with `text` and `label`. The figures are those of a
model that has not seen the held-out texts; the model that is kept has learnt from all of them.

Examples:

  buzzwatch train linear --data-dir ../shared/data

  buzzwatch train linear --data-dir ../shared/data --no-register --out build/linear

  buzzwatch train linear --data-dir ../shared/data --model tfidf
"""


@app.callback()
def _group() -> None:
    """Train models."""


@app.command(help=_EXAMPLES)
def linear(
    data_dir: Annotated[Path, typer.Option(envvar="BUZZWATCH_DATA_DIR", help="Folder of the labelled tweets.")] = Path(
        "../shared/data"
    ),
    model: Annotated[
        Kind,
        typer.Option(help="hashed: the compiled one that serves; tfidf: TF-IDF and logistic regression, to compare."),
    ] = "hashed",
    register: Annotated[bool, typer.Option(help="Log the run to MLflow and register the model.")] = True,
    alias: Annotated[
        str | None, typer.Option(help="Alias for the new version; by default the one that serves.")
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write the artefact here.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="Rows for people or JSON.")] = "table",
) -> None:
    """Train the linear model."""
    settings = load_settings()
    if register:
        check_reachable(settings)
    errors = Console(stderr=True)
    with errors.status("starting") as status:
        trained = train_linear(data_dir, model, seed, lambda step: status.update(step))
        if out is not None and trained.model is not None:
            trained.model.save(out)
        if register:
            status.update("registering")
            version = log_trained(settings, trained, alias=alias or settings.mlflow.alias)
            if version is not None:
                errors.print(f"registered as {settings.mlflow.model_name} version {version}", highlight=False)
    if output == "json":
        typer.echo(json.dumps(trained.metrics))
    else:
        Console().print(_table(trained.metrics))


def _table(metrics: dict[str, Any]) -> Table:
    shown = ("accuracy", "macro_recall", "macro_f1", "binary_accuracy", "roc_auc", "ece")
    table = Table("held-out set", "n", *shown)
    for source, report in metrics.items():
        table.add_row(source, f"{report['n']:,}", *(_cell(report[name]) for name in shown))
    return table


def _cell(value: dict[str, float] | None) -> str:
    return f"{value['value']:.3f} [{value['low']:.3f} {value['high']:.3f}]" if value else "–"
