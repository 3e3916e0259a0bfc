"""Scoring a labelled file and measuring the answers."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np

from contracts.errors import ArtefactError, BuzzwatchError
from contracts.settings import Settings
from models.base.artefact import artefact_in, load_artefact
from models.base.sentiment import Scores, SentimentModel
from models.registry.champion import Champion
from models.registry.client import short_cause
from training.data.datasets import Labelled
from training.evaluation.metrics import measure
from training.tracking import connected

_CHUNK: Final = 5_000


def evaluate(model: Scores, data: Labelled, progress: Callable[[int], None] | None = None) -> dict[str, Any]:
    """The report of `training.evaluation.metrics.measure` for a model on labelled texts.

    `progress` hears of scored rows.
    """
    tables = []
    for start in range(0, len(data.texts), _CHUNK):
        chunk = data.texts[start : start + _CHUNK]
        tables.append(model.predict_proba(chunk))
        if progress is not None:
            progress(len(chunk))
    return measure(np.concatenate(tables), data.labels)


def find_model(settings: Settings, named: str | None) -> tuple[SentimentModel, str]:
    """The model to evaluate and what to call it.

    Args:
        named: a folder, or a URI that MLflow knows (`models:/sentiment/3`, `models:/sentiment@champion`); the champion
            when not given, the shipped model when MLflow is away or has none.

    Raises:
        ArtefactError: there is no model, or it cannot be read.
        Unavailable: a URI is given and MLflow cannot be reached.
    """
    if named is None:
        try:
            loaded = Champion(settings).load()
        except BuzzwatchError:
            return load_artefact(settings.artefact), "the shipped model"
        return loaded.model, f"{loaded.ref.name} version {loaded.ref.version}"
    if ":/" not in named:
        return load_artefact(Path(named)), named
    with _downloaded(settings, named) as folder:
        return load_artefact(folder), named


@contextmanager
def _downloaded(settings: Settings, uri: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as scratch:
        with connected(settings) as mlflow:
            try:
                folder = Path(mlflow.artifacts.download_artifacts(uri, dst_path=scratch))
            except (mlflow.exceptions.MlflowException, OSError) as error:
                raise ArtefactError(f"{uri} cannot be downloaded: {short_cause(error)}") from None
        yield artefact_in(folder, uri)
