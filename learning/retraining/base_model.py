"""The champion as a retraining needs it: its files, its recipe, and the polarity that it learnt from emoticons."""

from __future__ import annotations

import inspect
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from contracts.errors import ArtefactError, BuzzwatchError
from contracts.settings import Settings
from models.base.artefact import load_artefact, read_metadata, without_folder
from models.base.sentiment import SentimentModel
from models.linear.model import FAMILY, HashedModel
from models.registry.client import Registry
from training.evaluation.held_out import HeldOut
from training.linear.binary_classifier import BinaryWeights
from training.linear.hashed_classifier import HashedClassifier
from training.linear.model_zoo import TEMPERATURE


class CannotRetrain(BuzzwatchError):
    """A retraining cannot begin or go on. Says why; the champion is untouched."""


@dataclass(frozen=True)
class BaseModel:
    """The version that is retrained."""

    version: str
    model: HashedModel
    held_out: HeldOut | None
    """What it carries of its own measurement."""

    @property
    def seen_until(self) -> datetime | None:
        """The newest label that it learnt from."""
        text = self.model.metadata.get("retraining", {}).get("labels_until")
        return None if text is None else datetime.fromisoformat(text)

    def estimator(self, seed: int) -> HashedClassifier:
        """One of the same recipe that has learnt nothing."""
        known = set(inspect.signature(HashedClassifier).parameters)
        noted: dict[str, Any] = {k: v for k, v in self.model.metadata.get("params", {}).items() if k in known}
        weights = self.model.weights
        shape = {
            "polarity_bits": weights.polarity_bits,
            "polarity_longest": weights.polarity_longest,
            "word_bits": weights.word_bits,
            "word_longest": weights.word_longest,
            "char_bits": weights.char_bits,
            "char_shortest": weights.char_shortest,
            "char_longest": weights.char_longest,
            "reach": weights.negator_reach,
        }
        return HashedClassifier(**{"temperature": TEMPERATURE, **noted, **shape, "random_state": seed})

    def polarity(self) -> BinaryWeights:
        """What it learnt from emoticons, kept as it is: a hundred thousand judgements would not change it."""
        weights = self.model.weights
        return BinaryWeights(
            (weights.polarity * np.float32(weights.polarity_scale)).astype(np.float32),
            (weights.chars[:, 3] * np.float32(weights.char_scale[3])).astype(np.float32),
            float(weights.direction[1]),
        )


def download_champion(settings: Settings) -> BaseModel:
    """The version with the alias.

    Raises:
        Unavailable: MLflow cannot be reached. NoChampion: nobody has the alias.
        CannotRetrain: it is of a family that is trained in another way.
    """
    with closing(Registry(settings.mlflow)) as registry:
        version = registry.champion()
        try:
            with registry.artefact(version) as folder:
                family, model, held_out = _read(folder)
        except ArtefactError as error:
            raise CannotRetrain(f"the champion, version {version.version}, cannot be used: {error}") from None
        if not isinstance(model, HashedModel):
            raise CannotRetrain(
                f"the champion, version {version.version}, is of the family {family!r}; `retrain` trains {FAMILY!r}: "
                "use `buzzwatch labels snapshot` and `buzzwatch train`, or promote a linear model"
            )
        return BaseModel(version.version, model, held_out)


def _read(folder: Path) -> tuple[object, SentimentModel | None, HeldOut | None]:
    """The family, the model if it is one that is retrained, and what it carries of its own measurement."""
    try:
        family = read_metadata(folder).get("family")
        return family, load_artefact(folder) if family == FAMILY else None, HeldOut.load(folder)
    except ArtefactError as error:
        raise ArtefactError(without_folder(error, folder)) from None
