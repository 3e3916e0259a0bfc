"""A linear head on sentence embeddings, for a language with few labelled tweets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from sklearn.linear_model import LogisticRegression

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from models.deep.sentence_model import ENCODER, FAMILY, SentenceModel, embedded
from training.data.datasets import TrainingData, data_summary, load_training_data
from training.evaluation.metrics import held_out_report

OTHERS: Final = 0.1
"""What a tweet in another language counts: it says what blame and praise are, not how the language words them."""


class NoSuchLanguageError(BuzzwatchError):
    """No file with labels by people is in this language."""


@dataclass(frozen=True)
class SentenceOptions:
    """What is trained."""

    language: str
    others: int = 35_000
    """Most tweets of other languages."""
    strength: float = 10.0
    """C of the logistic regression."""
    seed: int = 0


def train_sentences(
    folder: Path, options: SentenceOptions, progress: Callable[[str], None], description: Path | None = None
) -> SentenceModel:
    """Learn from people's labels, held-out texts and their near-duplicates apart, and measure on those.

    Raises:
        NoSuchLanguageError: nobody labelled a tweet in the language.
        ArtefactError: the encoder is not installed. DataError, SourcesError: the files cannot be used.
    """
    progress("reading the data")
    data = load_training_data(folder, description, progress, roles=("people", "test"))
    spoken = data.rows_of(lambda source: source.spoken == options.language)
    mine = np.flatnonzero(data.learn & spoken)
    if not len(mine):
        raise NoSuchLanguageError(
            f"{folder}: no tweet in {options.language!r} that people labelled (`language` in sources.yaml says it)"
        )
    others = np.random.default_rng(options.seed).permutation(np.flatnonzero(data.learn & ~spoken))[: options.others]
    rows = np.concatenate([mine, others])
    progress(f"embedding {len(rows):,} tweets")
    model = LogisticRegression(C=options.strength, max_iter=1_000)
    weight = np.concatenate([np.ones(len(mine)), np.full(len(others), OTHERS)])
    model.fit(embedded([data.texts[row] for row in rows.tolist()]), data.labels[rows], weight)
    metadata = {
        "family": FAMILY,
        "encoder": ENCODER,
        "languages": [options.language],
        "trained_on": data_summary(data.source[rows].tolist()),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_hash": data.data_hash,
        "params": {"others": options.others, "strength": options.strength, "seed": options.seed},
    }
    assert model.classes_.tolist() == list(SENTIMENTS)
    found = SentenceModel(metadata, model.coef_.T.astype(np.float32), model.intercept_.astype(np.float32))
    found.metadata = metadata | {"metrics": _measured(found, data, spoken, progress)}
    return found


def _measured(
    model: SentenceModel,
    data: TrainingData,
    spoken: np.ndarray[Any, np.dtype[np.bool_]],
    progress: Callable[[str], None],
) -> dict[str, Any]:
    progress("measuring on held-out texts")
    held_out = data.held_out & spoken
    found: dict[str, Any] = {}
    for name in sorted(set(data.source[held_out].tolist())):
        texts, labels = data.rows(held_out & (data.source == name))
        found[name] = held_out_report(model.predict_proba(texts), labels)
    return found
