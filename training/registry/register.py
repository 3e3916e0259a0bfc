"""Runs and versions in MLflow."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contracts.errors import SettingsError
from contracts.settings import Settings
from models.base.artefact import load_artefact, read_metadata
from training.evaluation.results import environment
from training.registry.logged_model import log_artefact
from training.registry.promotion import CHALLENGER, has_champion, move_champion
from training.tracking import connected

RETRAINING_TAGS: Final = {"key": "retraining", "labels_until": "labels_until"}
"""Of a model's metadata under `retraining`: which run made it, and the newest label that it learnt from."""

if TYPE_CHECKING:
    from training.linear.train import Trained


def check_reachable(settings: Settings) -> None:
    """Ask MLflow before minutes are spent on training.

    Raises:
        Unavailable: it cannot be reached.
    """
    with connected(settings):
        return


def log_trained(settings: Settings, trained: Trained, *, alias: str | None) -> str | None:
    """Log a training run; register its model and give it the alias.

    Returns:
        The registered version; None when `alias` is None or the run has no model to serve.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    from training.evaluation.plots import draw_learning_curve, draw_plots

    with (
        connected(settings) as mlflow,
        tempfile.TemporaryDirectory() as scratch,
        mlflow.start_run(run_name=f"{trained.member.family} {trained.member.name}"),
    ):
        named = {
            "model": trained.member.name,
            "family": trained.member.family,
            "data_hash": trained.data_hash,
            "rows": trained.rows,
            "distant_rows": trained.distant_rows,
        }
        mlflow.log_params({**trained.params, **named})
        mlflow.log_metrics({**flat(trained.metrics), "seconds": trained.seconds, "tweets_per_s": trained.tweets_per_s})
        mlflow.set_tag("trained_on", trained.trained_on)
        mlflow.log_dict(environment(*trained.member.packages), "environment.json")
        plots = Path(scratch) / "plots"
        draw_plots(trained.held_out, plots)
        if trained.curve:
            draw_learning_curve(trained.curve, plots)
        mlflow.log_artifacts(str(plots), "plots")
        if trained.model is None:
            return None
        folder = Path(scratch) / "artefact"
        trained.save(folder)
        return register_folder(mlflow, settings, folder, alias)


def default_alias(settings: Settings) -> str:
    """For a new version: `challenger`, and the champion's alias while nobody has that.

    Raises:
        Unavailable: MLflow cannot be reached.
    """
    with connected(settings) as mlflow:
        return CHALLENGER if has_champion(mlflow.MlflowClient(), settings) else settings.mlflow.alias


def chosen_alias(settings: Settings, asked: str | None) -> str:
    """The alias of a new version: the wanted one, else `default_alias`. Asked before minutes are spent on training.

    Raises:
        SettingsError: MLflow would not take that alias, or it is the champion's and somebody has it.
        Unavailable: MLflow cannot be reached.
    """
    usual = default_alias(settings)
    if asked is None:
        return usual
    if asked == settings.mlflow.alias != usual:
        raise SettingsError(f"--alias {asked}: a version becomes champion by `buzzwatch models promote`")
    # MLflow's own rule (mlflow.utils.validation): letters, digits, - and _; nothing that looks like a version.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,255}", asked) or re.fullmatch(r"v?\d+|latest", asked, re.IGNORECASE):
        raise SettingsError(f"--alias {asked}: letters, digits, - and _, and neither a number nor `latest`")
    return asked


def register_artefact(settings: Settings, folder: Path, *, alias: str) -> str:
    """Register an artefact folder as it is, with the metrics of its metadata; returns the version.

    Raises:
        ArtefactError: it cannot be read. Unavailable: MLflow cannot be reached.
    """
    metadata = load_artefact(folder).metadata
    with connected(settings) as mlflow, mlflow.start_run(run_name=f"registered from {folder.name}"):
        mlflow.log_params({**metadata.get("params", {}), "data_hash": metadata.get("data_hash", "")})
        mlflow.log_metrics(flat(metadata.get("metrics", {})))
        version = register_folder(mlflow, settings, folder, alias)
    assert version is not None
    return version


def seed_registry(settings: Settings) -> bool:
    """Give an empty registry the shipped artefact as its first version; whether it was empty.

    A registry that has the model, with or without the alias, is somebody's and stays as it is.

    Raises:
        ArtefactError: the shipped artefact cannot be read. Unavailable: MLflow cannot be reached.
    """
    with connected(settings) as mlflow:
        name = settings.mlflow.model_name
        if mlflow.MlflowClient().search_model_versions(f"name = '{name}'", max_results=1):
            return False
    register_artefact(settings, settings.artefact, alias=settings.mlflow.alias)
    return True


def register_folder(mlflow: Any, settings: Settings, folder: Path, alias: str | None) -> str | None:
    """Log an artefact folder to the run that is open; with an alias, register it and return the version."""
    uri = log_artefact(mlflow, folder)
    if alias is None:
        return None
    metadata = read_metadata(folder)
    name = settings.mlflow.model_name
    tags = {key: f"{value:.4f}" for key, value in flat(metadata.get("metrics", {})).items()}
    tags |= {key: str(metadata.get(key, "")) for key in ("family", "trained_on", "trained_at", "data_hash")}
    noted = metadata.get("retraining", {})
    tags |= {tag: str(noted[key]) for key, tag in RETRAINING_TAGS.items() if key in noted}
    registered = mlflow.register_model(uri, name, await_registration_for=60, tags=tags)
    client, version = mlflow.MlflowClient(), str(registered.version)
    if alias == settings.mlflow.alias:
        move_champion(client, settings, version, {})
    else:
        client.set_registered_model_alias(name, alias, version)
    return version


def flat(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """`airline.accuracy` and so on: values without their intervals."""
    found: dict[str, float] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            found |= {f"{prefix}{name}": float(value["value"])} if "value" in value else flat(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            found[f"{prefix}{name}"] = float(value)
    return found
