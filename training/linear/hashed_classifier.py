"""The hashed model as a scikit-learn estimator: what it is trained with."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from contracts.events import SENTIMENTS
from models.linear.constants import REACH, negator_table
from models.linear.kernels import hash_all
from models.linear.model import HashedModel
from models.linear.weights import DENSE, HashedWeights, dense_features
from models.text.batch import join
from training.data.datasets import one_hot
from training.linear.binary_classifier import BinaryWeights, learn_binary
from training.linear.sgd import count_labels, fit_head

Progress = Callable[[str], None]

_SHUT: Final = -30.0
"""Logit of a gate that never opens: the head alone answers. Earlier artefacts took the direction of texts like those
with emoticons from the polarity; on labels by people that is worse everywhere."""


def _silent(_: str) -> None:
    return


class HashedClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Linear models in a row, on hashed n-grams.

    Rows that are `distant` (labelled by emoticons, never neutral) teach a polarity; the others (labelled by people)
    teach a head with three labels that sees the polarity among its features. Without distant rows the head is alone,
    without any others the polarity.

    Args:
        polarity_bits, word_bits, char_bits: slots of the three tables are 2**bits.
        min_count: word n-grams of distant rows seen less often are left out of the polarity.
        reach: words behind a negator that it may negate; 0: no word does.
        heads: the head is learnt so many times, each in another order of the texts, and its weights averaged.
        l2: as `1 / C` of scikit-learn's logistic regression.
        dropout: share of a text's n-grams left out of each step of the head (Wager, Wang and Liang 2013,
            arXiv:1307.1493: in linear text models it is an L2 penalty that spares what is rare and telling).
        prior: the head's weights start at, and are pulled to, this share of naive Bayes' log-probabilities (as the
            log-count ratios of Wang and Manning, "Baselines and Bigrams", ACL 2012).
        char_share: length of a text's vector of byte n-grams in the head; that of its word n-grams is 1.
        temperature: divides the head's logits, measured on held-out texts.
    """

    def __init__(
        self,
        *,
        polarity_bits: int = 22,
        polarity_longest: int = 3,
        min_count: int = 5,
        polarity_epochs: int = 4,
        polarity_rate: float = 0.5,
        polarity_l2: float = 0.1,
        reach: int = REACH,
        word_bits: int = 20,
        word_longest: int = 3,
        char_bits: int = 20,
        char_shortest: int = 3,
        char_longest: int = 6,
        epochs: int = 8,
        heads: int = 3,
        rate: float = 0.1,
        l2: float = 0.05,
        dropout: float = 0.7,
        prior: float = 0.1,
        char_share: float = 0.7,
        temperature: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.polarity_bits = polarity_bits
        self.polarity_longest = polarity_longest
        self.min_count = min_count
        self.polarity_epochs = polarity_epochs
        self.polarity_rate = polarity_rate
        self.polarity_l2 = polarity_l2
        self.reach = reach
        self.word_bits = word_bits
        self.word_longest = word_longest
        self.char_bits = char_bits
        self.char_shortest = char_shortest
        self.char_longest = char_longest
        self.epochs = epochs
        self.heads = heads
        self.rate = rate
        self.l2 = l2
        self.dropout = dropout
        self.prior = prior
        self.char_share = char_share
        self.temperature = temperature
        self.random_state = random_state

    def fit(
        self,
        X: Sequence[str],  # noqa: N803
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        *,
        distant: ArrayLike | None = None,
        targets: ArrayLike | None = None,
        polarity: BinaryWeights | None = None,
        progress: Progress = _silent,
    ) -> HashedClassifier:
        """Learn from texts and labels (names of `SENTIMENTS`).

        Args:
            sample_weight: (n,), all 1 when not given.
            distant: (n,) of bool, none when not given.
            targets: (n, 3) how probable each label is, by a teacher; 1 for the row's label when not given.
            polarity: what an earlier `learn_polarity` of the same parameters has learnt, instead of the distant rows.
            progress: called with what begins now.

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
        far = np.zeros(len(labels), bool) if distant is None else np.asarray(distant, bool)
        if (labels[far] == SENTIMENTS[1]).any():
            raise ValueError("a distant row is neutral")
        soft = one_hot(labels) if targets is None else np.asarray(targets, np.float32)

        if polarity is None:
            polarity = self.learn_polarity(
                [X[i] for i in np.flatnonzero(far).tolist()], labels[far], weight[far], progress
            )
        progress("learning from labels by people")
        rows = np.flatnonzero(~far)
        near = [X[i] for i in rows.tolist()]
        self.model_ = self._learn_head(near, soft[rows], weight[rows], polarity)
        self.classes_ = np.array(SENTIMENTS)
        return self

    def learn_polarity(
        self,
        texts: Sequence[str],
        labels: NDArray[np.str_],
        weight: NDArray[np.float64],
        progress: Progress = _silent,
    ) -> BinaryWeights:
        """Positive against negative, from rows labelled by emoticons; zero without any."""
        chars = (self.char_bits, self.char_shortest, self.char_longest)
        if not texts:
            return BinaryWeights.zero(self.polarity_bits, chars)
        order = np.random.default_rng(self.random_state).permutation(len(texts))
        return learn_binary(
            [texts[i] for i in order.tolist()],
            labels[order] == "positive",
            weight[order],
            words=(self.polarity_bits, self.polarity_longest),
            chars=chars,
            reach=self.reach,
            min_count=self.min_count,
            epochs=self.polarity_epochs,
            rate=self.polarity_rate,
            l2=self.polarity_l2,
            progress=lambda epoch: progress(f"learning the polarity from emoticons, pass {epoch}"),
        )

    def _learn_head(
        self,
        texts: Sequence[str],
        targets: NDArray[np.float32],
        weight: NDArray[np.float64],
        polarity: BinaryWeights,
    ) -> HashedModel:
        n_words, n_chars = 1 << self.word_bits, 1 << self.char_bits
        model = self._without_head(texts, polarity)
        if not texts:
            return model
        weights = model.weights
        # What the head learns from is the quantised polarity that it will see when it serves.
        dense = dense_features(model.sums(texts), weights.polarity_scale, weights.char_scale[3])
        hashes, bounds = hash_all(
            *join(texts), self.word_longest, self.char_shortest, self.char_longest, negator_table(), self.reach
        )
        is_word = np.repeat(np.arange(len(bounds) - 1) % 2 == 0, np.diff(bounds))
        slots = np.where(
            is_word,
            hashes >> np.uint32(32 - self.word_bits),
            (hashes >> np.uint32(32 - self.char_bits)) + np.uint32(n_words),
        ).astype(np.int32)
        counts = np.bincount(slots, minlength=n_words + n_chars)
        inverse = (1.0 / np.maximum(counts, 1)).astype(np.float32)
        prior = self._naive_bayes(slots, bounds, targets, weight, len(inverse))
        table = np.zeros((len(inverse), 3), np.float32)
        examples = (slots, bounds, dense, targets, weight, prior, inverse)
        options = (self.epochs, self.rate, self.l2, self.char_share, self.dropout)
        seeds = range(self.random_state, self.random_state + self.heads)
        with ThreadPoolExecutor(min(self.heads, os.cpu_count() or 1)) as pool:  # numba runs without the GIL
            for learnt, learnt_dense in pool.map(lambda seed: fit_head(*examples, *options, seed), seeds):
                table += learnt / self.heads
                weights.dense[:, :3] += learnt_dense / self.heads
        for k in range(3):
            weights.words[:, k], weights.word_scale[k] = _quantise(table[:n_words, k])
            weights.chars[:, k], weights.char_scale[k] = _quantise(self.char_share * table[n_words:, k])
        return HashedModel(weights, {})

    def _without_head(self, texts: Sequence[str], polarity: BinaryWeights) -> HashedModel:
        """The polarity, quantised, and a head of zeros."""
        polarity_words, polarity_scale = _quantise(polarity.words)
        words, chars = np.zeros((1 << self.word_bits, 4), np.int8), np.zeros((1 << self.char_bits, 4), np.int8)
        char_scale, dense = np.ones(4), np.zeros((DENSE, 4))
        chars[:, 3], char_scale[3] = _quantise(polarity.chars)
        dense[0, 3] = _SHUT if texts else -_SHUT
        weights = HashedWeights(
            polarity=polarity_words,
            polarity_scale=polarity_scale,
            polarity_longest=self.polarity_longest,
            words=words,
            word_scale=np.ones(4),
            word_longest=self.word_longest,
            chars=chars,
            char_scale=char_scale,
            char_shortest=self.char_shortest,
            char_longest=self.char_longest,
            dense=dense,
            temperature=self.temperature,
            direction=np.array([1.0, polarity.intercept]),
            negators=negator_table(),
            negator_reach=self.reach,
        )
        return HashedModel(weights, {})

    def _naive_bayes(
        self, slots: NDArray[np.int32], bounds: NDArray[np.int64], targets: NDArray[Any], weight: NDArray[Any], n: int
    ) -> NDArray[np.float32]:
        counts = np.ones((n, 3))
        count_labels(slots, bounds, targets, weight, counts)
        share = np.log(counts / counts.sum(axis=0))
        start: NDArray[np.float32] = (self.prior * (share - share.mean(axis=1, keepdims=True))).astype(np.float32)
        return start

    def predict_proba(self, X: Sequence[str]) -> NDArray[np.float32]:  # noqa: N803
        """(n, 3), columns in the order of `classes_`."""
        check_is_fitted(self, "model_")
        return self.model_.predict_proba(X)

    def predict(self, X: Sequence[str]) -> NDArray[np.str_]:  # noqa: N803
        """(n,) names of labels."""
        labels: NDArray[np.str_] = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels


def _quantise(column: NDArray[np.float32]) -> tuple[NDArray[np.int8], float]:
    """Whole numbers of -127 to 127, and what one is worth."""
    scale = max(float(np.abs(column).max()), 1e-6) / 127
    return np.round(column / scale).astype(np.int8), scale
