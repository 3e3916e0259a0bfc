"""A cascade goes to MLflow: figures, pictures, the artefact, a registered version."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Final

import numpy as np

from contracts.events import SENTIMENTS
from contracts.settings import Settings
from models.cascade import CascadeModel
from training.deep.cascade.build import Curve, draw
from training.evaluation.held_out import HeldOut
from training.evaluation.plots import draw_plots
from training.evaluation.results import environment
from training.registry.register import flat, register_folder
from training.tracking import connected

_PACKAGES: Final = ("tensorflow", "keras", "keras-hub", "onnxruntime", "tokenizers", "numpy")


def log_cascade(settings: Settings, model: CascadeModel, curve: Curve, evidence: HeldOut, alias: str) -> str:
    """Log a cascade to MLflow as `log_run` does a network, register it under the alias and return its version.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    noted = model.metadata
    with (
        connected(settings) as mlflow,
        tempfile.TemporaryDirectory() as scratch,
        mlflow.start_run(run_name=f"cascade {noted['params']['deep']}"),
    ):
        figures = {name: noted[name] for name in ("threshold", "blend", "budget_s", "patience_s")}
        mlflow.log_params({**noted["params"], **figures, "data_hash": noted["data_hash"]})
        chosen = {"deep_share": curve.chosen.share, "tweets_per_s": curve.chosen.tweets_per_s}
        mlflow.log_metrics({**flat(noted["metrics"]), **chosen})
        mlflow.log_dict(environment(*_PACKAGES), "environment.json")
        plots = Path(scratch) / "plots"
        labels = np.array(SENTIMENTS)[evidence.truth]
        sets = {name: evidence.source == name for name in dict.fromkeys(evidence.source.tolist())}
        draw_plots({name: (labels[mine], evidence.scores[mine]) for name, mine in sets.items()}, plots)
        draw(curve, plots / "cascade.png")
        mlflow.log_artifacts(str(plots), "plots")
        model.save(Path(scratch) / "artefact")
        evidence.save(Path(scratch) / "artefact")
        version = register_folder(mlflow, settings, Path(scratch) / "artefact", alias)
    assert version is not None
    return version
