"""What the suite has measured of a recipe: files with people's labels, held out in part and left out as a whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from contracts.errors import BuzzwatchError
from contracts.settings import ROOT

FOLDER: Final = ROOT / "training" / "results" / "suite"
PART: Final = "held-out part"
WHOLE: Final = "whole file"


class SuiteError(BuzzwatchError):
    """The suite cannot be run, or a stored one cannot be read."""


@dataclass(frozen=True)
class Judged:
    """One set, measured by a model that has not seen it."""

    set: str
    without: str
    """What the model was trained without: `held-out part`, `whole file` or `year 2016`."""
    learnt: int
    """Rows labelled by people that it learnt from."""
    report: Mapping[str, Any]
    """Of `held_out_report`."""


@dataclass(frozen=True)
class Suite:
    """All that was measured of a recipe."""

    member: str
    rows: list[Judged]
    behaviour: Mapping[str, float]
    """Family of behavioural tests → share passed."""
    data_hash: str
    params: Mapping[str, Any]

    @property
    def score(self) -> float | None:
        """By which recipes are chosen, with the airline figures: mean macro-recall over the files left out whole."""
        left_out = [_value(row, "macro_recall") for row in self.rows if row.without == WHOLE]
        return float(np.mean(left_out)) if left_out else None

    def save(self, folder: Path = FOLDER) -> Path:
        """Write it as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.member}.json"
        path.write_text(json.dumps(asdict(self), indent=1, sort_keys=True) + "\n", encoding="utf-8")
        return path


def read_suite(path: Path) -> Suite | None:
    """A stored suite; None when there is none.

    Raises:
        SuiteError: it is damaged.
    """
    if not path.is_file():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return Suite(**{**content, "rows": [Judged(**row) for row in content["rows"]]})
    except (ValueError, TypeError, KeyError) as error:
        raise SuiteError(f"{path}: not a stored suite: {error}") from None


def table(suite: Suite) -> list[list[str]]:
    """Head and rows of text, each figure with its 95 % interval."""
    cells = [["set", "trained without", "n", "accuracy", "macro-recall", "recall negative", "polar right", "ECE"]]
    for row in suite.rows:
        figures = [row.report["accuracy"], row.report["macro_recall"], row.report["recall"].get("negative")]
        figures += [row.report["binary_accuracy"], row.report["ece"]]
        cells.append([row.set, row.without, f"{row.report['n']:,}", *map(interval_text, figures)])
    return cells


def interval_text(measured: Mapping[str, float] | None) -> str:
    """`.812 [.801, .823]` with a zero before each point; a dash for what was not measured."""
    return f"{measured['value']:.3f} [{measured['low']:.3f}, {measured['high']:.3f}]" if measured else "–"


def _value(row: Judged, figure: str) -> float:
    return float(row.report[figure]["value"])
