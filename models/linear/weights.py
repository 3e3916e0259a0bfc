"""The numbers of a hashed model, and what is computed from a text's sums."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

DENSE: int = 11
"""Numbers derived from the polarity that the head sees besides its own n-grams."""


@dataclass(frozen=True, kw_only=True)
class HashedWeights:
    """Two tables in a row: a polarity learnt from millions of emoticons, and a head learnt from people's labels.

    The head sees word and byte n-grams and the polarity of the text, and answers with three logits and a gate: how
    much the text reads like those the polarity was learnt from, so that its direction is taken from there.
    """

    polarity: NDArray[np.int8]
    """(2**polarity_bits,)"""
    polarity_scale: float
    """What one step of `polarity` is worth."""
    polarity_longest: int
    """Longest word n-gram of the polarity."""
    words: NDArray[np.int8]
    """(2**word_bits, 4): negative, neutral, positive, gate."""
    word_scale: NDArray[np.float64]
    """(4,)"""
    word_longest: int
    chars: NDArray[np.int8]
    """(2**char_bits, 4): negative, neutral, positive, polarity."""
    char_scale: NDArray[np.float64]
    """(4,)"""
    char_shortest: int
    char_longest: int
    """0: no byte n-grams."""
    dense: NDArray[np.float64]
    """(DENSE, 4)"""
    temperature: float
    """What the head's logits are divided by (Guo et al. 2017, arXiv:1706.04599)."""
    direction: NDArray[np.float64]
    """(2,): factor and offset that turn the polarity into the log-odds of positive against negative."""
    negators: NDArray[np.uint32] = field(default_factory=lambda: np.zeros(2, np.uint32))
    """(2**bits,) of `constants.negator_table`."""
    negator_reach: int = 0
    """Words behind a negator that it may negate; 0: none, as in artefacts from before there were negators."""

    @property
    def polarity_bits(self) -> int:
        """Slots are 2**bits."""
        return len(self.polarity).bit_length() - 1

    @property
    def word_bits(self) -> int:
        """Slots are 2**bits."""
        return len(self.words).bit_length() - 1

    @property
    def char_bits(self) -> int:
        """Slots are 2**bits."""
        return len(self.chars).bit_length() - 1

    @property
    def plan(self) -> NDArray[np.int64]:
        """The shape of the walk, as `kernels.score_all` takes it."""
        return np.array(
            [
                self.polarity_longest,
                self.word_longest,
                self.char_shortest,
                self.char_longest,
                self.polarity_bits,
                self.word_bits,
                self.char_bits,
                self.negator_reach,
            ],
            np.int64,
        )


def pack(table: NDArray[np.int8]) -> NDArray[np.uint32]:
    """Rows of four int8 as one number each, every weight raised by 128, the first in the lowest byte."""
    lanes = (table.astype(np.int16) + 128).astype(np.uint32)
    packed: NDArray[np.uint32] = np.bitwise_or.reduce(lanes << np.array([0, 8, 16, 24], np.uint32), axis=1)
    return packed


def dense_features(sums: NDArray[np.int64], scale: float, char_scale: float) -> NDArray[np.float64]:
    """(n, DENSE): 1, polarity, its size and square, strongest and summed pushes to either side, length, pushes of
    negated words to either side.

    After the lexicon features of Mohammad, Kiritchenko and Zhu, "NRC-Canada", SemEval 2013 (arXiv:1308.6242).
    """
    total, above, largest, smallest, count = (sums[:, i].astype(np.float64) for i in range(5))
    root = np.sqrt(np.maximum(count, 1.0))
    polarity = total * scale / root + sums[:, 13] * char_scale / np.sqrt(np.maximum(sums[:, 14], 1))
    return np.stack(
        [
            np.ones_like(polarity),
            polarity,
            np.abs(polarity),
            polarity * polarity / 4,
            largest * scale,
            smallest * scale,
            above * scale / root,
            (total - above) * scale / root,
            root / 5,
            sums[:, 15] * scale,
            sums[:, 16] * scale,
        ],
        axis=1,
    )


def probabilities(weights: HashedWeights, sums: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n, 3) from the sums of `kernels.score_all`."""
    dense = dense_features(sums, weights.polarity_scale, float(weights.char_scale[3]))
    logits = dense @ weights.dense
    logits += sums[:, 5:9] * (weights.word_scale / np.sqrt(np.maximum(sums[:, 9:10], 1)))
    logits[:, :3] += sums[:, 10:13] * (weights.char_scale[:3] / np.sqrt(np.maximum(sums[:, 14:15], 1)))
    head = (logits[:, :3] - logits[:, :3].max(axis=1, keepdims=True)) / weights.temperature
    odds = np.exp(head)
    neutral = odds[:, 1] / odds.sum(axis=1)
    gate = logistic(logits[:, 3])
    from_polarity = weights.direction[0] * dense[:, 1] + weights.direction[1]
    direction = (1.0 - gate) * (head[:, 2] - head[:, 0]) + gate * from_polarity
    positive = logistic(direction)
    out = np.empty((len(sums), 3), np.float32)
    out[:, 0] = (1.0 - neutral) * (1.0 - positive)
    out[:, 1] = neutral
    out[:, 2] = (1.0 - neutral) * positive
    return out


def logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    """Log-odds to probabilities."""
    half: NDArray[np.float64] = 0.5 * (1.0 + np.tanh(0.5 * x))
    return half
