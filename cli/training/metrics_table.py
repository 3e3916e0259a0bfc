"""The figures of a model on held-out sets, for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import typer
from rich.table import Table

from cli.output.console import table_console

_SHOWN: Final = ("accuracy", "macro_recall", "macro_f1", "binary_accuracy", "roc_auc", "ece")


def print_figures(metrics: Mapping[str, Any], output: str) -> None:
    """Print what `training.evaluation.evaluate` has measured of each set; `output` is table or json."""
    if output == "json":
        typer.echo(json.dumps(metrics))
        return
    table = Table("held-out set", "n", *_SHOWN)
    for source, report in metrics.items():
        table.add_row(source, f"{report['n']:,}", *(_cell(report[name]) for name in _SHOWN))
    table_console().print(table)


def _cell(value: dict[str, float] | None) -> str:
    return f"{value['value']:.3f} [{value['low']:.3f} {value['high']:.3f}]" if value else "–"
