"""The hashed model as a scikit-learn estimator: what it is trained with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from contracts.events import SENTIMENTS
from models.hashed import HashedModel
from models.hashed_kernels import hash_all
from models.hashed_weights import DENSE, HashedWeights, dense_features
from models.text import join
from training.hashed_descent import fit_head, fit_polarity

Progress = Callable[[str], None]

_CLOSED: Final = -30.0
"""Logit of a gate that never opens."""


def _silent(_: str) -> None:
    return


class HashedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Two linear models in a row, on hashed n-grams.

    Rows that are `distant` (labelled by emoticons, never neutral) teach a polarity; the others (labelled by people)
    teach a head with three labels that sees the polarity among its features. Without distant rows the head is alone.

    Args:
        polarity_bits, word_bits, char_bits: slots of the three tables are 2**bits.
        min_count: word n-grams of distant rows seen less often are left out of the polarity.
        l2: as `1 / C` of scikit-learn's logistic regression.
    """

    def __init__(
        self,
        *,
        polarity_bits: int = 22,
        polarity_longest: int = 2,
        min_count: int = 2,
        polarity_epochs: int = 5,
        polarity_rate: float = 0.5,
        polarity_l2: float = 0.1,
        word_bits: int = 18,
        word_longest: int = 3,
        char_bits: int = 18,
        char_shortest: int = 2,
        char_longest: int = 5,
        epochs: int = 6,
        rate: float = 0.2,
        l2: float = 0.1,
        random_state: int = 0,
    ) -> None:
        self.polarity_bits = polarity_bits
        self.polarity_longest = polarity_longest
        self.min_count = min_count
        self.polarity_epochs = polarity_epochs
        self.polarity_rate = polarity_rate
        self.polarity_l2 = polarity_l2
        self.word_bits = word_bits
        self.word_longest = word_longest
        self.char_bits = char_bits
        self.char_shortest = char_shortest
        self.char_longest = char_longest
        self.epochs = epochs
        self.rate = rate
        self.l2 = l2
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        distant: ArrayLike | None = None,
        progress: Progress = _silent,
    ) -> HashedClassifier:
        """Learn from texts and labels (names of `SENTIMENTS`).

        Args:
            sample_weight: (n,), all 1 when not given.
            distant: (n,) of bool, none when not given.

        Raises:
            ValueError: lengths differ, an unknown label, or a neutral distant row.
        """
        labels = np.asarray(y)
        if len(labels) != len(X):
            raise ValueError(f"{len(X)} texts, {len(labels)} labels")
        unknown = sorted(set(labels.tolist()) - set(SENTIMENTS))
        if unknown:
            raise ValueError(f"unknown label {unknown[0]!r} (known: {', '.join(SENTIMENTS)})")
        weight = np.ones(len(labels)) if sample_weight is None else np.asarray(sample_weight, np.float64)
        from_emoticons = np.zeros(len(labels), bool) if distant is None else np.asarray(distant, bool)
        codes = np.searchsorted(np.array(SENTIMENTS), labels)
        if (codes[from_emoticons] == 1).any():
            raise ValueError("a distant row is neutral")

        polarity, intercept = self._fit_polarity(X, codes, weight, from_emoticons, progress)
        scale = max(float(np.abs(polarity).max()), 1e-6) / 127
        quantised = np.round(polarity / scale).astype(np.int8)
        head = [i for i in range(len(labels)) if not from_emoticons[i]]
        self.model_ = self._fit_head(
            [X[i] for i in head], codes[head], weight[head], quantised, scale, intercept, progress
        )
        self.classes_ = np.array(SENTIMENTS)
        return self

    def _fit_polarity(
        self,
        texts: Sequence[str],
        codes: NDArray[np.intp],
        weight: NDArray[np.float64],
        distant: NDArray[np.bool_],
        progress: Progress,
    ) -> tuple[NDArray[np.float32], float]:
        size = 1 << self.polarity_bits
        if not distant.any():
            return np.zeros(size, np.float32), 0.0
        progress("hashing texts labelled by emoticons")
        rows = np.flatnonzero(distant)
        data, offsets = join([texts[i] for i in rows.tolist()])
        hashes, bounds = hash_all(data, offsets, self.polarity_longest, 0, 0)
        slots = (hashes >> np.uint32(32 - self.polarity_bits)).astype(np.int32)
        counts = np.bincount(slots, minlength=size)
        slots[counts[slots] < self.min_count] = -1
        progress("learning the polarity")
        return fit_polarity(
            slots,
            bounds,
            (codes[rows] == 2).astype(np.float32),
            weight[rows],
            np.arange(len(rows)),
            (1.0 / np.maximum(counts, 1)).astype(np.float32),
            self.polarity_epochs,
            self.polarity_rate,
            self.polarity_l2,
            self.random_state,
        )

    def _fit_head(
        self,
        texts: Sequence[str],
        codes: NDArray[np.intp],
        weight: NDArray[np.float64],
        polarity: NDArray[np.int8],
        scale: float,
        intercept: float,
        progress: Progress,
    ) -> HashedModel:
        progress("learning from labels by people")
        empty = np.zeros((1, 4), np.int8)
        shape: dict[str, Any] = {
            "polarity": polarity,
            "polarity_scale": scale,
            "polarity_longest": self.polarity_longest,
            "word_longest": self.word_longest,
            "char_shortest": self.char_shortest,
            "char_longest": self.char_longest,
            "direction": np.array([1.0, intercept]),
        }
        blank = HashedWeights(
            words=empty, word_scale=np.ones(4), chars=empty, char_scale=np.ones(4), dense=np.zeros((DENSE, 4)), **shape
        )
        dense = dense_features(HashedModel(blank, {}).sums(texts), scale)
        data, offsets = join(texts)
        hashes, bounds = hash_all(data, offsets, self.word_longest, self.char_shortest, self.char_longest)
        is_word = np.zeros(len(hashes) + 1, np.int8)
        np.add.at(is_word, bounds[0:-1:2], 1)
        np.add.at(is_word, bounds[1::2], -1)
        word = np.cumsum(is_word[:-1]) > 0
        n_words = 1 << self.word_bits
        slots = np.where(
            word,
            hashes >> np.uint32(32 - self.word_bits),
            (hashes >> np.uint32(32 - self.char_bits)) + np.uint32(n_words),
        ).astype(np.int32)
        size = n_words + (1 << self.char_bits)
        counts = np.bincount(slots, minlength=size)
        table, dense_weights = fit_head(
            slots,
            bounds,
            dense,
            codes,
            weight,
            np.arange(len(texts)),
            (1.0 / np.maximum(counts, 1)).astype(np.float32),
            self.epochs,
            self.rate,
            self.l2,
            self.random_state,
        )
        gate = np.zeros((DENSE, 1))
        gate[0] = _CLOSED
        words, word_scale = _quantise(table[:n_words])
        chars, char_scale = _quantise(table[n_words:])
        weights = HashedWeights(
            words=words,
            word_scale=word_scale,
            chars=chars,
            char_scale=char_scale,
            dense=np.hstack([dense_weights, gate]),
            **shape,
        )
        return HashedModel(weights, {})

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float32]:  # noqa: N803
        """(n, 3), columns in the order of `classes_`."""
        check_is_fitted(self, "model_")
        probabilities: NDArray[np.float32] = self.model_.predict_proba(X)
        return probabilities

    def predict(self, X: Sequence[str]) -> NDArray[np.str_]:  # noqa: N803
        """(n,) names of labels."""
        labels: NDArray[np.str_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def _quantise(table: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    """(slots, 3) floats to (slots, 4) int8 and the scale of each column; the fourth column is empty."""
    largest = np.maximum(np.abs(table).max(axis=0), 1e-6)
    quantised = np.zeros((len(table), 4), np.int8)
    quantised[:, :3] = np.round(table / (largest / 127))
    return quantised, np.append(largest / 127, 1.0).astype(np.float64)
