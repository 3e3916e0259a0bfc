"""A challenger that is worse than the champion, made without training: praise and complaints change places."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import tempfile
from pathlib import Path
from typing import Final

from contracts.errors import ArtefactError
from contracts.settings import Settings
from models.base.artefact import load_artefact
from models.linear.model import HashedModel
from models.linear.weights import HashedWeights
from training.registry.promotion import CHALLENGER
from training.registry.register import register_artefact

_EXCHANGED: Final = [2, 1, 0, 3]
"""Columns of the tables: positive where negative was."""


def register_worse(settings: Settings) -> str:
    """Register the shipped model with two of its labels exchanged, as `challenger`; returns the version.

    Raises:
        ArtefactError: the shipped model cannot be read, or is of another family. Unavailable: MLflow cannot be reached.
    """
    model = load_artefact(settings.artefact)
    if not isinstance(model, HashedModel):
        raise ArtefactError(f"{settings.artefact} is no linear model, so the demo has no challenger to show")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "worse"
        HashedModel(exchanged(model.weights), {"trained_on": "nothing: the demo's bad example", "metrics": {}}).save(
            folder
        )
        with contextlib.redirect_stderr(io.StringIO()):  # MLflow's own lines are no part of the play
            return register_artefact(settings, folder, alias=CHALLENGER)


def exchanged(weights: HashedWeights) -> HashedWeights:
    """The same, with the probabilities of negative and positive exchanged for each text."""
    # The fourth column of the bytes is the polarity, that of the others the gate: they stay.
    return dataclasses.replace(
        weights,
        words=weights.words[:, _EXCHANGED],
        word_scale=weights.word_scale[_EXCHANGED],
        chars=weights.chars[:, _EXCHANGED],
        char_scale=weights.char_scale[_EXCHANGED],
        dense=weights.dense[:, _EXCHANGED],
        direction=-weights.direction,
    )
