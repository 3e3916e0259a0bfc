"""Training the linear family: measure on held-out texts, then learn from everything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from models.hashed import HashedModel
from training.datasets import SOURCES, Labelled, TrainingData, data_summary, load_training_data
from training.evaluate import evaluate
from training.hashed_classifier import HashedClassifier
from training.metrics import as_json

Progress = Callable[[str], None]
Kind = Literal["hashed", "tfidf"]

# Measured on held-out texts: the averaged head is a little too modest without it.
TEMPERATURE: Final = 0.9


@dataclass(frozen=True)
class Trained:
    """What came out of a training run."""

    kind: Kind
    metrics: dict[str, Any]
    """Data set → report of `evaluate` on its held-out texts, as JSON."""
    held_out: dict[str, tuple[NDArray[np.str_], NDArray[np.float32]]]
    """Data set → true labels and probabilities (n, 3), for the plots."""
    params: dict[str, Any]
    data_hash: str
    trained_on: str
    model: HashedModel | None
    """The model trained on all data; None for `tfidf`, which is measured only."""


def train_linear(folder: Path, kind: Kind, seed: int, progress: Progress) -> Trained:
    """Train on the files of `folder`, 4 minutes on one core for `hashed`.

    Raises:
        DataError: a file is missing or cannot be used.
    """
    progress("reading the data")
    data = load_training_data(folder)
    estimator = _estimator(kind, seed)
    _fit(estimator, data, data.learn, lambda step: progress(f"on the learning split: {step}"))
    progress("measuring on held-out texts")
    metrics, held_out = {}, {}
    for source in SOURCES:
        texts, labels = data.rows(data.held_out & (data.source == source.name))
        scored = estimator.predict_proba(texts)
        held_out[source.name] = (labels, scored)
        metrics[source.name] = as_json(evaluate(_Known(scored), Labelled(texts, labels)))
    trained_on = data_summary(data.source.tolist())
    model = None
    if kind == "hashed":
        _fit(estimator, data, np.ones(len(data.texts), bool), lambda step: progress(f"on all texts: {step}"))
        metadata = {
            "trained_on": trained_on,
            "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "data_hash": data.data_hash,
            "metrics": metrics,
            "params": estimator.get_params(),
        }
        model = HashedModel(estimator.model_.weights, metadata)
    return Trained(kind, metrics, held_out, _plain(estimator), data.data_hash, trained_on, model)


class _Known:
    """Answers that were computed already, handed out in order."""

    def __init__(self, table: NDArray[np.float32]) -> None:
        self._table = table
        self._at = 0

    def predict_proba(self, texts: list[str]) -> NDArray[np.float32]:
        self._at += len(texts)
        return self._table[self._at - len(texts) : self._at]


def _estimator(kind: Kind, seed: int) -> Any:
    if kind == "hashed":
        return HashedClassifier(temperature=TEMPERATURE, random_state=seed)
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), min_df=4, sublinear_tf=True, dtype=np.float32)
    return make_pipeline(words, LogisticRegression(C=2.0, max_iter=60, random_state=seed))


def _fit(estimator: Any, data: TrainingData, rows: NDArray[np.bool_], progress: Progress) -> None:
    texts, labels = data.rows(rows)
    if isinstance(estimator, HashedClassifier):
        estimator.fit(texts, labels, data.weight[rows], distant=data.distant[rows], progress=progress)
    else:
        progress("TF-IDF and logistic regression")
        estimator.fit(texts, labels, logisticregression__sample_weight=data.weight[rows])


def _plain(estimator: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in estimator.get_params().items()
        if isinstance(value, (str, int, float, bool, tuple))
    }
