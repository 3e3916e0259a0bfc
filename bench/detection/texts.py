"""Real tweets that the model has not learnt from, with people's labels and the model's predictions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from training.data.datasets import load_training_data
from training.linear.hashed_classifier import HashedClassifier

SOURCES: Final = ("airline", "semeval")
"""Those that people have labelled."""
CACHE: Final = Path("var") / "bench" / "detection"
"""What is kept between runs."""
_RECIPE: Final = (
    "training/data/datasets.py",
    "training/linear/*_classifier.py",
    "training/linear/sgd.py",
    "models/linear/*.py",
    "models/text/batch.py",
)
"""What decides what the model learns."""


Answers = NDArray[np.float32]
"""(n,) the model's confidence: above zero where that is *negative*, below where not."""


class Pool(NamedTuple):
    """Held-out tweets of one data set."""

    name: str
    answers: tuple[Answers, Answers, Answers]
    """For each true label in the order of SENTIMENTS: the model's prediction for each text."""

    @property
    def rates(self) -> tuple[float, float, float]:
        """Share of each true label that the model calls negative: recall, then false positives."""
        negative, neutral, positive = (float((said > 0).mean()) for said in self.answers)
        return negative, neutral, positive


def load_pools(folder: Path, report: Callable[[str], None]) -> list[Pool]:
    """Score the held-out tweets with the shipped model's family, trained on the learning split alone.

    The shipped model has learnt from every tweet of the folder and would look too good. Trained once for these tweets
    and this recipe (3 minutes on one core); what it said, and no text, is kept below `var`.

    Raises:
        DataError: a file is missing or cannot be used.
    """
    root = Path(__file__).parents[2]
    recipe = [path for pattern in _RECIPE for path in sorted(root.glob(pattern))]
    cache = CACHE / f"answers-{fingerprint([*sorted(folder.glob('*.parquet')), *recipe])}.npz"
    if not cache.is_file():
        _score(folder, cache, report)
    with np.load(cache) as kept:
        labels, sources, said = kept["labels"], kept["sources"], kept["said"]
    return [
        Pool(source, tuple(said[(sources == source) & (labels == label)] for label in SENTIMENTS)) for source in SOURCES
    ]


def fingerprint(files: Sequence[Path], beside: bytes = b"") -> str:
    """Of their names and contents, and of what is given beside them."""
    key = hashlib.sha256(beside)
    for path in files:
        with path.open("rb") as file:
            key.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return key.hexdigest()[:16]


def _score(folder: Path, cache: Path, report: Callable[[str], None]) -> None:
    report("training on the learning split, once (3 minutes)")
    data = load_training_data(folder)
    texts, labels = data.rows(data.learn)
    model = HashedClassifier(temperature=0.9, random_state=0)
    model.fit(texts, labels, data.weight[data.learn], distant=data.distant[data.learn], progress=report)
    rows = data.held_out & np.isin(data.source, SOURCES)
    texts, labels = data.rows(rows)
    shares = model.predict_proba(texts)
    is_negative = shares.argmax(axis=1) == SENTIMENTS.index("negative")
    said = np.where(is_negative, 1, -1) * shares.max(axis=1)
    cache.parent.mkdir(parents=True, exist_ok=True)
    np.savez(cache, labels=labels, sources=data.source[rows], said=said.astype(np.float32))
