"""A sentiment model whose answers a test can foresee, and a champion that holds it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Unavailable
from contracts.events import ModelRef
from models.base.sentiment import SentimentModel, WordWeight
from models.registry.champion import LoadedModel

POISON = "☠"


class FakeModel:
    """Negative when the text says `bad`, positive when it says `good`, else neutral; raises on POISON."""

    def __init__(self) -> None:
        self.metadata: Mapping[str, Any] = {
            "family": "fake",
            "metrics": {"accuracy": 0.9, "airline": {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}},
            "trained_on": "nothing",
        }
        self.batches: list[int] = []

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.batches.append(len(texts))
        if any(POISON in text for text in texts):
            raise ValueError("poison")
        rows = [
            (0.8, 0.125, 0.075) if "bad" in text else (0.075, 0.125, 0.8) if "good" in text else (0.25, 0.5, 0.25)
            for text in texts
        ]
        return np.array(rows, np.float32).reshape(len(texts), 3)

    def explain(self, text: str) -> list[WordWeight]:
        weights = {"bad": -0.5, "good": 0.5}
        return [WordWeight(word, weights.get(word, 0.0)) for word in text.split()]

    def save(self, folder: Path) -> None:
        raise NotImplementedError


class HangingModel(FakeModel):
    """Answers as a FakeModel, but nothing before `go_on` is set."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert self.go_on.wait(300)
        return super().predict_proba(texts)


class Stumbling:
    """Raises when it is first asked; then answers as `model`."""

    def __init__(self, model: SentimentModel) -> None:
        self._model = model
        self._stumbled = False
        self.metadata = model.metadata

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if not self._stumbled:
            self._stumbled = True
            raise RuntimeError("stumbled")
        return self._model.predict_proba(texts)

    def explain(self, text: str) -> list[WordWeight]:
        return self._model.explain(text)

    def save(self, folder: Path) -> None:
        self._model.save(folder)


class FakeChampion:
    """Serves a FakeModel as version 7; `down` stands for a registry without a model."""

    def __init__(self) -> None:
        self.model = FakeModel()
        self.version = "7"
        self.down = False
        self.failure: str | None = None

    @property
    def current(self) -> LoadedModel:
        if self.down:
            raise Unavailable("no model is loaded yet: MLflow is away")
        return LoadedModel.of(ModelRef(name="sentiment", version=self.version), self.model, ("champion",))

    def start(self, *, required: bool = True) -> None: ...

    def stop(self) -> None: ...
