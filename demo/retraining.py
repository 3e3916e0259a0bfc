"""The demo's judgements become a challenger, where what retraining needs is installed."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from contracts.settings import Settings
from demo.tweet_texts import ordinary

OLD_TWEETS: Final = 600
"""Invented ones that stand for the old data: from the new labels alone a model would forget."""
_NEEDED: Final = ("sklearn", "pandas", "pyarrow")
_WHY: Final = "the demo's: its old data are invented tweets"


class Shown(NamedTuple):
    """What the retraining came to."""

    version: str
    labels: int
    differences: dict[str, float]
    """Held-out set and figure → the new model's less the champion's."""


def missing() -> list[str]:
    """The packages that a retraining needs and that are not installed, as in what `make run` installs."""
    return [name for name in _NEEDED if importlib.util.find_spec(name) is None]


def write_old_data(folder: Path) -> Path:
    """A folder with labelled tweets of ordinary days."""
    rng = random.Random(1)
    lines = (ordinary(rng) for _ in range(OLD_TWEETS))
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "invented.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line._asdict(), ensure_ascii=False) + "\n" for line in lines)
    return folder


def retrain_and_archive(settings: Settings, progress: Callable[[str], None]) -> Shown:
    """Retrain from the labels that hold, and set the version aside: what learnt from invented tweets must not serve.

    Raises:
        BuzzwatchError: there are too few labels, or MLflow or Kafka cannot be reached.
    """
    # Here, as `make run` has none of what they import.
    from learning.retraining.run import retrain
    from training.registry.archive import archive

    data = write_old_data(settings.local.data_dir.absolute() / "demo" / "old")
    with contextlib.redirect_stderr(io.StringIO()):  # MLflow's own lines are no part of the play
        done = retrain(settings, data, progress=progress)
        archive(settings, done.version, _WHY)
    figures = {name: value for name, value in done.figures.items() if isinstance(value, float) and "accuracy" in name}
    return Shown(done.version, int(str(done.figures["labels"])), figures)
