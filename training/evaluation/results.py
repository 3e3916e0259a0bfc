"""Stored results: a JSON file per measured model, from which the leaderboard is written."""

from __future__ import annotations

import json
import platform
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from contracts.errors import BuzzwatchError
from contracts.settings import ROOT

RESULTS: Final = ROOT / "training" / "results"


class ResultsError(BuzzwatchError):
    """A stored result cannot be read. Names the file."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """One model measured on the held-out texts."""

    family: str
    member: str
    about: str
    format: str
    """`native`, `onnx`, `litert-int8` and so on."""
    metrics: Mapping[str, Any]
    """Data set → `training.evaluation.metrics.held_out_report`; results of an earlier version lack its `binary_ece`."""
    rows: int
    """Rows learnt from."""
    distant_rows: int
    """Those of them labelled by emoticons."""
    seconds: float
    """Training, processor time."""
    tweets_per_s: float
    """Scoring on one thread."""
    megabytes: float | None
    """Of the artefact; None when nothing is served."""
    behaviour: Mapping[str, float]
    """Family of behavioural tests → pass rate."""
    command: str
    """Makes it again."""
    data_hash: str
    params: Mapping[str, Any]
    environment: Mapping[str, str]


def environment(*packages: str) -> dict[str, str]:
    """Versions of Python and packages, and the machine's kind."""
    return {"python": platform.python_version(), "machine": platform.machine()} | {
        name: version(name) for name in packages
    }


def slug(family: str, name: str) -> str:
    """A name for a file or folder, whatever the member is called: a preset may be a path or an address."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.")
    return f"{family}-{plain[-100:]}"


def write_result(result: Result, folder: Path = RESULTS, name: str | None = None) -> Path:
    """Keep a result; one of the same family, name and format is replaced. The name is the member's unless given."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{slug(result.family, name or result.member)}.{result.format}.json"
    path.write_text(json.dumps(asdict(result), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return path


def read_results(folder: Path = RESULTS) -> list[Result]:
    """All of them, by family and name.

    Raises:
        ResultsError: a file is damaged.
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(Result(**json.loads(path.read_text(encoding="utf-8"))))
        except (ValueError, TypeError) as error:
            raise ResultsError(f"{path}: not a stored result: {error}") from None
    return sorted(found, key=lambda one: (one.family, one.member, one.format))
