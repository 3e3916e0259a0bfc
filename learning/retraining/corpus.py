"""What a retraining learns from and is measured on: the old data, and the labels of a snapshot beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from contracts.learning.settings import LearningSettings
from learning.labels.resolution import Label
from training.data.datasets import TrainingData, fingerprint, one_hot
from training.evaluation.held_out import JUDGED, PRODUCTION

_HELD_OUT: Final = 0.1
"""Share of the judged labels that are measured on and never learnt from, by a hash of the text."""
_MOST_PRODUCTION: Final = 1000
_MOST_TIMES: Final = 5.0
"""How many times an old row a label counts at most, on the mean: the few would be learnt by heart."""
_MOST_BALANCE: Final = 3.0
"""How many times more a rare label counts at most."""


@dataclass(frozen=True)
class Corpus:
    """All rows: old ones first, then labels."""

    texts: list[str]
    labels: NDArray[np.str_]
    source: NDArray[np.str_]
    company: NDArray[np.str_]
    weight: NDArray[np.float64]
    held_out: NDArray[np.bool_]
    """Measured on."""
    learn: NDArray[np.bool_]
    """Learnt from when it is measured: nothing held out, nor near-duplicates of that."""
    final: NDArray[np.bool_]
    """Learnt from by the model that is kept: also the old data's held-out rows, never the labels' ones."""
    label_factor: float
    """How many times an old row a label counts, before its age and rarity."""
    targets: NDArray[np.float32]
    """(n, 3): how probable each label is; 1 for the label but where a teacher gave the old data's."""

    def rows(self, mask: NDArray[np.bool_]) -> tuple[list[str], NDArray[np.str_], NDArray[np.float64]]:
        """Texts, labels and weights where `mask` is true."""
        return [self.texts[i] for i in np.flatnonzero(mask).tolist()], self.labels[mask], self.weight[mask]


def make_corpus(
    labels: Sequence[Label], old: TrainingData, settings: LearningSettings, *, seen_until: datetime | None
) -> Corpus:
    """Put them together; the same input gives the same rows in the same order.

    Args:
        old: without rows labelled by emoticons.
        seen_until: the newest label that the champion learnt from: what was drawn by chance since then is measured on.
    """
    texts = [as_written(label.text) for label in labels]
    prints = np.array([fingerprint(text) for text in texts], np.uint64)
    production = _newest_by_chance(labels, seen_until)
    held = production | (prints.astype(np.float64) / 2.0**64 < _HELD_OUT)
    shown = np.concatenate([prints[held], old.fingerprints[old.held_out]])
    apart = ~np.isin(prints, shown) & ~held
    learn_old = old.learn & ~np.isin(old.fingerprints, prints[held])
    final_old = old.usable & ~np.isin(old.fingerprints, prints[held])
    weights = _label_weights(labels, settings)
    factor = _factor(float(old.weight[learn_old].sum()), float(weights[apart].sum()), settings.old_share)
    nothing = np.zeros(len(old.texts), bool)
    given = np.array([label.label for label in labels], np.str_)
    return Corpus(
        texts=[*old.texts, *texts],
        labels=np.concatenate([old.labels, given]),
        source=np.concatenate([old.source, np.where(production, PRODUCTION, JUDGED)]),
        company=np.concatenate([old.company, np.full(len(texts), "")]),
        weight=np.concatenate([old.weight, weights * factor]),
        held_out=np.concatenate([old.held_out, held]),
        learn=np.concatenate([learn_old, apart]),
        final=np.concatenate([final_old, ~held & ~np.isin(prints, prints[held])]) | np.concatenate([nothing, apart]),
        label_factor=factor,
        targets=np.concatenate([old.targets, one_hot(given)]),
    )


def as_written(text: str) -> str:
    """A masked text as the model would have seen it: a link for `<url>`, which the cleaning takes for one."""
    return text.replace("<url>", "https://t.co/x")


def _newest_by_chance(labels: Sequence[Label], seen_until: datetime | None) -> NDArray[np.bool_]:
    rows = [
        row
        for row, label in enumerate(labels)
        if label.random and (seen_until is None or label.created_at > seen_until)
    ]
    newest = sorted(rows, key=lambda row: (labels[row].created_at, labels[row].text))[-_MOST_PRODUCTION:]
    # The older half of them teaches: what was drawn by chance is also the best sample of what comes.
    chosen = np.zeros(len(labels), bool)
    chosen[newest[len(newest) // 2 :]] = True
    return chosen


def _label_weights(labels: Sequence[Label], settings: LearningSettings) -> NDArray[np.float64]:
    """By certainty, age and rarity of the label; 1 on the mean."""
    newest = max(label.created_at for label in labels)
    half_life = timedelta(days=settings.half_life_days)
    age = np.array([(newest - label.created_at) / half_life for label in labels])
    codes = np.array([SENTIMENTS.index(label.label) for label in labels])
    counts = np.maximum(np.bincount(codes, minlength=3), 1)
    # The square root goes half the way: the classes of the stream are no mistake that must be undone whole.
    balance = np.minimum(np.sqrt(len(labels) / 3 / counts), _MOST_BALANCE)
    weights = np.array([label.probability for label in labels]) * 0.5**age * balance[codes]
    result: NDArray[np.float64] = weights / weights.mean()
    return result


def _factor(old: float, new: float, old_share: float) -> float:
    if not new or not old:
        return 1.0
    return min(_MOST_TIMES, old * (1 - old_share) / old_share / new)
