"""The figures of a model on held-out sets, for people or as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import typer

from cli.output.console import print_table

_SHOWN: Final = ("accuracy", "macro_recall", "macro_f1", "binary_accuracy", "roc_auc", "ece")


def print_figures(metrics: Mapping[str, Any], output: str) -> None:
    """Print what `training.evaluation.evaluate` has measured of each set; `output` is table or json."""
    if output == "json":
        typer.echo(json.dumps(metrics))
        return
    rows = ((of, f"{one['n']:,}", *(_cell(one[name]) for name in _SHOWN)) for of, one in metrics.items())
    print_table(("held-out set", "n", *_SHOWN), rows)


def _cell(value: dict[str, float] | None) -> str:
    return f"{value['value']:.3f} [{value['low']:.3f} {value['high']:.3f}]" if value else "–"
