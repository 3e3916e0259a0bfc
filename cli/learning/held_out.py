"""`buzzwatch models held-out`: where a version is good and where it is not, by what it carries about itself."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import numpy as np
import typer

from cli.output.console import print_error, print_table
from cli.output.options import Format
from contracts.printable import printable
from contracts.settings import load_settings
from learning.estimate.cbpe import Calibration
from learning.estimate.evidence import Evidence, evidence
from training.evaluation.held_out import slice_figures
from training.evaluation.metrics import Measured

_SURE: Final = np.linspace(0.35, 1.0, 14)
"""Confidences of which it is said how often they were right."""


def held_out(
    version: Annotated[str | None, typer.Argument(help="Version number or alias; by default the champion.")] = None,
    output: Format = "table",
) -> None:
    """How good a version is on each slice of its held-out tweets, and how often it is right at each confidence.

    Slices are tweets with a negation, a question, a link, an emoji, about one airline, …; those of the sets that people
    have labelled, with at least 50 tweets. The interval has 95 %.

    Examples:

      buzzwatch models held-out

      buzzwatch models held-out challenger --format json
    """
    settings = load_settings()
    known = evidence(settings, version or settings.mlflow.alias)
    if output == "json":
        typer.echo(printable(json.dumps(_as_json(known))))
        return
    rows = []
    for one in slice_figures(known.held_out):
        interval = f"{one.accuracy.low:.3f} to {one.accuracy.high:.3f}"
        recall = "–" if one.negative_recall is None else f"{one.negative_recall.value:.3f}"
        rows.append((one.source, one.slice, f"{one.n:,}", f"{one.accuracy.value:.3f}", interval, recall))
    print_table(("set", "slice", "tweets", "accuracy", "95 %", "recall of negative"), rows)
    some = calibration_rows(known.calibration)[::3]
    curve = ", ".join(f"{one['confidence']:.0%}: {one['right']:.0%}" for one in some)
    print_error(f"version {known.version}: right at each confidence: {curve}")


def calibration_rows(calibration: Calibration) -> list[dict[str, float]]:
    """Confidence and how often it was right, for JSON."""
    return [
        {"confidence": round(sure, 2), "right": round(right, 4)}
        for sure, right in zip(_SURE.tolist(), calibration.right(_SURE).tolist(), strict=True)
    ]


def _as_json(known: Evidence) -> dict[str, Any]:
    slices = [
        {
            "set": one.source,
            "slice": one.slice,
            "n": one.n,
            "accuracy": _measured(one.accuracy),
            "negative_recall": one.negative_recall and _measured(one.negative_recall),
        }
        for one in slice_figures(known.held_out)
    ]
    return {"version": known.version, "slices": slices, "calibration": calibration_rows(known.calibration)}


def _measured(one: Measured) -> dict[str, float]:
    return {name: round(value, 4) for name, value in one._asdict().items()}
