"""Learns what complaints are about from the reasons that people named, one linear head a theme."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow.parquet
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from contracts.rules.schema import LEARNT_THEMES, Rules
from models.linear.constants import negator_table
from models.linear.kernels import hash_all
from models.text.batch import TextBatch
from models.text.matching import Matcher
from models.themes.learnt import LANES, LONGEST, LearntThemes
from training.data.datasets import DataError, fingerprint, hash_of

COLUMN: Final = "negativereason"
REASONS: Final[Mapping[str, str]] = {
    "Late Flight": "delay",
    "Cancelled Flight": "cancellation",
    "Lost Luggage": "baggage",
    "Damaged Luggage": "baggage",
    "Customer Service Issue": "service",
    "Flight Attendant Complaints": "crew",
    "Flight Booking Problems": "booking",
    "Bad Flight": "comfort",
}
"""Of the airline tweets. Other reasons are about no theme."""
_UNKNOWN: Final = "Can't Tell"
_HELD_OUT: Final = 0.25
_BITS: Final = 16
_C: Final = 30.0
FROM: Final = 0.5
"""Chosen, with C, on tweets that are neither learnt from then nor among the held-out ones."""


@dataclass(frozen=True)
class Figures:
    """How well one way finds one theme on held-out complaints."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True)
class TrainedThemes:
    """What came out of a training run."""

    heads: LearntThemes
    """Learnt from all complaints."""
    figures: dict[str, dict[str, Figures]]
    """Theme → `words`, `learnt`, `both` → of heads that have not seen the held-out complaints."""
    held_out: dict[str, int]
    """Theme → held-out complaints about it."""
    complaints: int
    data_hash: str


def train_themes(path: Path, rules: Rules, progress: Callable[[str], None]) -> TrainedThemes:
    """Train on a Parquet file with `text` and `negativereason`.

    Args:
        rules: their themes of the same names are what the heads are compared and combined with.

    Raises:
        DataError: the file cannot be read, lacks a column or names too few reasons.
    """
    texts, themes = _complaints(path)
    held_out = np.array([fingerprint(text) / 2.0**64 < _HELD_OUT for text in texts])
    of_themes = np.array([[theme == name for name in LEARNT_THEMES] for theme in themes])
    missing = [
        name
        for name, there in zip(LEARNT_THEMES, of_themes.T, strict=True)
        if there[held_out].sum() < 1 or there[~held_out].sum() < 1
    ]
    if missing:
        raise DataError(f"{path}: too few complaints about {', '.join(missing)} in {COLUMN} to learn from")
    features = _features(texts)
    progress("on the learning split")
    measured = _fit(features[~held_out], of_themes[~held_out])
    figures = _measured(
        measured, rules, [text for text, out in zip(texts, held_out, strict=True) if out], of_themes[held_out]
    )
    progress("on all complaints")
    return TrainedThemes(
        _fit(features, of_themes),
        figures,
        dict(zip(LEARNT_THEMES, of_themes[held_out].sum(axis=0).tolist(), strict=True)),
        len(texts),
        hash_of([path]),
    )


def _complaints(path: Path) -> tuple[list[str], list[str]]:
    """Texts and their themes, "" for none of them."""
    try:
        table = pyarrow.parquet.read_table(path, columns=["text", COLUMN])
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{path}: no Parquet file with text and {COLUMN}: {' '.join(str(error).split())[:200]}"
        ) from None
    if table.num_columns != 2:
        raise DataError(f"{path}: no column {'text' if COLUMN in table.column_names else COLUMN!r}")
    rows = [
        (text, REASONS.get(reason, ""))
        for text, reason in zip(table["text"].to_pylist(), table[COLUMN].to_pylist(), strict=True)
        if text and reason and reason != _UNKNOWN
    ]
    return [text for text, _ in rows], [theme for _, theme in rows]


def _features(texts: list[str]) -> csr_matrix:
    """Hashed word n-grams of each text, a row of length 1 for n-grams that come once."""
    batch = TextBatch.of(texts)
    hashes, bounds = hash_all(batch.data, batch.bounds, LONGEST, 0, 0, negator_table(), 0)
    counts = np.diff(bounds)[::2]
    slots = (hashes[: bounds[-1]] >> np.uint32(32 - _BITS)).astype(np.int64)
    values = np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts)
    rows = np.repeat(np.arange(len(texts)), counts)
    return csr_matrix((values, (rows, slots)), shape=(len(texts), 1 << _BITS))


def _fit(features: csr_matrix, of_themes: NDArray[np.bool_]) -> LearntThemes:
    weights = np.zeros((1 << _BITS, LANES), np.int8)
    scale, bias = np.ones(LANES), np.zeros(LANES)
    for lane in range(of_themes.shape[1]):
        head = LogisticRegression(C=_C, class_weight={True: 2, False: 1}, solver="liblinear", random_state=0)
        head.fit(features, of_themes[:, lane])
        scale[lane] = max(np.abs(head.coef_).max() / 127, 1e-9)
        weights[:, lane] = np.rint(head.coef_[0] / scale[lane])
        bias[lane] = head.intercept_[0]
    return LearntThemes(weights, scale, bias, FROM)


def _measured(
    heads: LearntThemes, rules: Rules, texts: list[str], of_themes: NDArray[np.bool_]
) -> dict[str, dict[str, Figures]]:
    likely = heads.probabilities(TextBatch.of(texts), np.arange(len(texts)))
    named = {theme.name: theme for theme in rules.themes}
    figures: dict[str, dict[str, Figures]] = {}
    for lane, name in enumerate(LEARNT_THEMES):
        words = np.zeros(len(texts), bool)
        if name in named:
            words = np.array(Matcher([named[name]]).find_batch(texts), bool)
        learnt = likely[:, lane] >= heads.least
        ways = {"words": words, "learnt": learnt, "both": learnt | words}
        figures[name] = {way: _figures(found, of_themes[:, lane]) for way, found in ways.items()}
    return figures


def _figures(found: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Figures:
    right = float((found & truth).sum())
    return Figures(right / max(found.sum(), 1), right / max(truth.sum(), 1))
