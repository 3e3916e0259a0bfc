"""Runs and versions in MLflow."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from contracts.errors import Unavailable
from contracts.events import SENTIMENTS
from contracts.settings import Settings
from models.artefact import load_artefact, read_metadata
from models.registry import without_password
from training.plots import draw_plots
from training.train_linear import Trained

_ARTEFACT = "linear"
"""Name of the artefact folder under `artifacts/` of the logged model."""


def check_reachable(settings: Settings) -> None:
    """Ask MLflow before minutes are spent on training.

    Raises:
        Unavailable: it cannot be reached.
    """
    with _mlflow(settings):
        return


def log_trained(settings: Settings, trained: Trained, *, alias: str | None) -> str | None:
    """Log a training run; register its model and give it the alias.

    Returns:
        The registered version; None when `alias` is None or the run has no model to serve.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    with (
        _mlflow(settings) as mlflow,
        tempfile.TemporaryDirectory() as scratch,
        mlflow.start_run(run_name=f"linear {trained.kind}"),
    ):
        mlflow.log_params({**trained.params, "model": trained.kind, "data_hash": trained.data_hash})
        mlflow.log_metrics(_flat(trained.metrics))
        mlflow.set_tag("trained_on", trained.trained_on)
        plots = Path(scratch) / "plots"
        draw_plots(trained.held_out, plots)
        mlflow.log_artifacts(str(plots), "plots")
        if trained.model is None:
            return None
        folder = Path(scratch) / _ARTEFACT
        trained.model.save(folder)
        return _register(mlflow, settings, folder, alias)


def register_artefact(settings: Settings, folder: Path, *, alias: str) -> str:
    """Register an artefact folder as it is, with the metrics of its metadata; returns the version.

    Raises:
        ArtefactError: it cannot be read. Unavailable: MLflow cannot be reached.
    """
    metadata = load_artefact(folder).metadata
    with _mlflow(settings) as mlflow, mlflow.start_run(run_name=f"registered from {folder.name}"):
        mlflow.log_params({**metadata.get("params", {}), "data_hash": metadata.get("data_hash", "")})
        mlflow.log_metrics(_flat(metadata.get("metrics", {})))
        version = _register(mlflow, settings, folder, alias)
    assert version is not None
    return version


def seed_registry(settings: Settings) -> bool:
    """Give an empty registry the shipped artefact as its first version; whether it was empty.

    A registry that has the model, with or without the alias, is somebody's and stays as it is.

    Raises:
        ArtefactError: the shipped artefact cannot be read. Unavailable: MLflow cannot be reached.
    """
    with _mlflow(settings) as mlflow:
        name = settings.mlflow.model_name
        if mlflow.MlflowClient().search_model_versions(f"name = '{name}'", max_results=1):
            return False
    register_artefact(settings, settings.artefact, alias=settings.mlflow.alias)
    return True


def _register(mlflow: Any, settings: Settings, folder: Path, alias: str | None) -> str | None:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema

    scores = [ColSpec(DataType.float, name) for name in SENTIMENTS]
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=str(Path(__file__).with_name("pyfunc_model.py")),
        artifacts={_ARTEFACT: str(folder)},
        signature=ModelSignature(
            Schema([ColSpec(DataType.string, "text")]), Schema([*scores, ColSpec(DataType.string, "sentiment")])
        ),
        # Given, because MLflow would otherwise load the model in another process to find them out.
        pip_requirements=["mlflow", "numba", "numpy", "pandas"],
    )
    if alias is None:
        return None
    metadata = read_metadata(folder)
    name = settings.mlflow.model_name
    tags = {key: f"{value:.4f}" for key, value in _flat(metadata.get("metrics", {})).items()}
    tags |= {key: str(metadata.get(key, "")) for key in ("family", "trained_on", "trained_at", "data_hash")}
    registered = mlflow.register_model(logged.model_uri, name, await_registration_for=60, tags=tags)
    mlflow.MlflowClient().set_registered_model_alias(name, alias, registered.version)
    return str(registered.version)


@contextmanager
def _mlflow(settings: Settings) -> Iterator[Any]:
    """MLflow, talking to the server of the settings; its failures in one line."""
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # standard output is for the report
    }.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        # MLflow warns about type hints of its own when it is imported, and about choices that were made on purpose.
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.pyfunc
        from mlflow.exceptions import MlflowException

        logging.getLogger("mlflow").setLevel(logging.WARNING)
        uri = settings.mlflow.tracking_uri
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            mlflow.set_experiment(settings.mlflow.model_name)
            yield mlflow
        except (MlflowException, OSError) as error:
            raise Unavailable(
                f"MLflow at {without_password(uri)}: {without_password(str(error).splitlines()[0])[:200]} (start it "
                "with `buzzwatch up` or set BUZZWATCH_MLFLOW__TRACKING_URI)"
            ) from None


def _flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """`airline.accuracy` and so on: values without their intervals."""
    flat: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            flat |= {f"{prefix}{name}": float(value["value"])} if "value" in value else _flat(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            flat[f"{prefix}{name}"] = float(value)
    return flat
