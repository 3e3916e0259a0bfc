"""After the training: the artefact that serves, its evidence, its row in the leaderboard, its run in MLflow."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.settings import Settings
from models.deep.model import DeepModel
from training.data.datasets import TrainingData
from training.deep.export.calibrate import MOST_MEASURED, Answers, served
from training.deep.runs.work_folder import Finished
from training.evaluation.behaviour import pass_rates
from training.evaluation.drift_reference import reference
from training.evaluation.held_out import HeldOut
from training.evaluation.plots import draw_losses, draw_plots
from training.evaluation.results import Result, environment
from training.registry.register import flat, register_folder
from training.tracking import connected

_PACKAGES: Final = ("tensorflow", "keras", "keras-hub", "onnxruntime", "tokenizers", "numpy")


@dataclass(frozen=True)
class Served:
    """A model in one format, measured."""

    finished: Finished
    model: DeepModel
    scores: Mapping[str, NDArray[np.float32]]
    """Data set → (n, 3) probabilities on held-out texts."""
    answers: Answers
    evidence: HeldOut
    seconds: float
    """Of the training, wall clock."""
    tweets_per_s: float
    """Scored on one thread, processor time."""

    @property
    def metrics(self) -> Mapping[str, Any]:
        """Data set → the figures of `buzzwatch evaluate`."""
        figures: Mapping[str, Any] = self.model.metadata["metrics"]
        return figures

    def save(self, folder: Path) -> None:
        """Write the artefact and its held-out predictions."""
        self.model.save(folder)
        self.evidence.save(folder)


def finish(
    finished: Finished, data: TrainingData, form: str, progress: Callable[[str], None], most: int = MOST_MEASURED
) -> Served:
    """Convert to `form` (one of `convert.FORMATS`), calibrate and measure on at most `most` held-out texts of a set."""
    noted = {
        "family": finished.family,
        "member": finished.member,
        "longest": finished.longest,
        "params": dict(finished.params),
        "tweets_seen": finished.state.rows,
    }
    started = time.process_time()
    model, scores, answers = served(finished, data, form, noted, progress, most)
    seconds = time.process_time() - started
    rows = np.concatenate(list(answers.rows.values()))
    evidence = HeldOut.of(
        [data.texts[row] for row in rows.tolist()],
        data.labels[rows],
        data.source[rows],
        data.company[rows],
        np.concatenate(list(scores.values())),
    )
    model.metadata = {**model.metadata, "reference": reference(evidence)}
    return Served(finished, model, scores, answers, evidence, finished.state.seconds, len(rows) / max(seconds, 1e-6))


def result_of(done: Served, data: TrainingData, about: str, command: str) -> Result:
    """The row of the leaderboard."""
    with tempfile.TemporaryDirectory() as scratch:
        done.model.save(Path(scratch))
        megabytes = sum(path.stat().st_size for path in Path(scratch).iterdir()) / 1e6
    learn = data.learn
    return Result(
        family=done.finished.family,
        member=done.finished.member,
        about=about,
        format=str(done.model.metadata["form"]),
        metrics=done.metrics,
        rows=int(learn.sum()),
        distant_rows=int((learn & data.distant).sum()),
        seconds=round(done.seconds, 1),
        tweets_per_s=round(done.tweets_per_s),
        megabytes=round(megabytes, 2),
        behaviour=pass_rates(done.model),
        command=command,
        data_hash=data.data_hash,
        params={**done.finished.params, "tweets_seen": done.finished.state.rows},
        environment=environment(*_PACKAGES),
    )


def log_run(settings: Settings, done: Served, data: TrainingData, result: Result, alias: str | None) -> str | None:
    """Log the run to MLflow; with an alias, register the run's model under it and return its version.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    with (
        connected(settings) as mlflow,
        tempfile.TemporaryDirectory() as scratch,
        mlflow.start_run(run_name=f"{result.family} {result.member}"),
    ):
        mlflow.log_params(
            {**result.params, "data_hash": result.data_hash, "rows": result.rows, "format": result.format}
        )
        mlflow.log_metrics({**flat(done.metrics), "seconds": result.seconds, "tweets_per_s": result.tweets_per_s})
        mlflow.log_dict(dict(result.environment), "environment.json")
        plots = Path(scratch) / "plots"
        draw_plots({name: (data.labels[rows], done.scores[name]) for name, rows in done.answers.rows.items()}, plots)
        if done.finished.losses:
            draw_losses(done.finished.losses, plots)
        mlflow.log_artifacts(str(plots), "plots")
        if alias is None:
            return None
        done.save(Path(scratch) / "artefact")
        return register_folder(mlflow, settings, Path(scratch) / "artefact", alias)
