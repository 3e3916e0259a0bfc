"""A binary linear model on hashed n-grams of any number of texts, chunk by chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.linear.constants import negator_table
from models.linear.kernels import hash_all
from models.text.batch import join
from training.linear.sgd import fit_binary

Chars = tuple[int, int, int]
"""Bits, shortest and longest byte n-gram."""


class BinaryWeights(NamedTuple):
    """Weights by slot, and the intercept."""

    words: NDArray[np.float32]
    chars: NDArray[np.float32]
    intercept: float

    @classmethod
    def zero(cls, word_bits: int, chars: Chars | None) -> BinaryWeights:
        """A model that has seen nothing."""
        slots = 1 << chars[0] if chars else 1
        return cls(np.zeros(1 << word_bits, np.float32), np.zeros(slots, np.float32), 0.0)


def learn_binary(
    texts: Sequence[str],
    positive: NDArray[np.bool_],
    weight: NDArray[np.float64],
    *,
    words: tuple[int, int],
    chars: Chars | None,
    reach: int,
    min_count: int,
    epochs: int,
    rate: float,
    l2: float,
    progress: Callable[[int], None],
    chunk: int = 50_000,
) -> BinaryWeights:
    """Fit by `training.linear.sgd.fit_binary`; the texts must come in random order.

    Args:
        words: bits and longest n-gram.
        reach: words behind a negator that it may negate.
        min_count: word slots hit less often have no weight.
        l2: as `1 / C` of scikit-learn's logistic regression.
        progress: called with the number of each pass, from 1.
        chunk: texts whose hashes are in memory at a time; those of 50,000 tweets take about 80 MB. Hashing them anew in
            every pass costs less than keeping them all.
    """
    word_bits, longest = words
    char_bits, char_shortest, char_longest = chars or (0, 1, 0)
    negators = negator_table()
    word_counts = np.zeros(1 << word_bits, np.int64)
    char_counts = np.zeros(1 << char_bits, np.int64)

    def chunks() -> Iterator[tuple[slice, NDArray[np.uint32], NDArray[np.int64]]]:
        for start in range(0, len(texts), chunk):
            part = slice(start, min(start + chunk, len(texts)))
            hashes, bounds = hash_all(*join(texts[part]), longest, char_shortest, char_longest, negators, reach)
            yield part, hashes, bounds

    for _, hashes, bounds in chunks():
        is_word = np.repeat(np.arange(len(bounds) - 1) % 2 == 0, np.diff(bounds))
        word_counts += np.bincount(hashes[is_word] >> np.uint32(32 - word_bits), minlength=1 << word_bits)
        if char_bits:
            char_counts += np.bincount(hashes[~is_word] >> np.uint32(32 - char_bits), minlength=1 << char_bits)

    word_state = _state(np.where(word_counts < min_count, 0, word_counts))
    char_state = _state(char_counts)
    state = np.array([0.0, 0.01, 0.0, epochs * len(texts)])
    for epoch in range(1, epochs + 1):
        progress(epoch)
        for part, hashes, bounds in chunks():
            targets = positive[part].astype(np.float32)
            fit_binary(hashes, bounds, targets, weight[part], word_state, char_state, state, rate, l2)
    return BinaryWeights(word_state[:, 0].copy(), char_state[:, 0].copy(), float(state[0]))


def _state(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    state = np.zeros((len(counts), 3), np.float32)
    state[:, 1] = 0.01
    state[:, 2] = np.where(counts > 0, 1.0 / np.maximum(counts, 1), 0.0)
    return state
