"""From a text's sums to probabilities, compiled: NumPy needs some forty calls for it, 50 µs for a single text.

`hashed_weights.probabilities` is the definition.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled
from models.linear.weights import DENSE, HashedWeights


def constants(weights: HashedWeights) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The numbers that `answer` takes: those of the dense features, (DENSE, 4), and all others in a row."""
    others = [
        *weights.word_scale,
        *weights.char_scale,
        weights.polarity_scale,
        weights.temperature,
        *weights.direction,
    ]
    return np.ascontiguousarray(weights.dense, np.float64), np.array(others, np.float64)


@compiled
def _logistic(x: float) -> float:
    return 0.5 * (1.0 + math.tanh(0.5 * x))


@compiled
def answer(sums: Any, dense: Any, others: Any, out: Any) -> None:
    """Probabilities of negative, neutral, positive.

    Args:
        sums: (n, 17), of `hashed_kernels.score_all`.
        dense, others: of `constants`.
        out: (n, 3) float32, to be filled.
    """
    scale = others[8]
    features = np.empty(DENSE, np.float64)
    logits = np.empty(4, np.float64)
    for i in range(len(sums)):
        total, above = float(sums[i, 0]), float(sums[i, 1])
        root = math.sqrt(max(float(sums[i, 4]), 1.0))
        per_word = math.sqrt(max(float(sums[i, 9]), 1.0))
        per_char = math.sqrt(max(float(sums[i, 14]), 1.0))
        polarity = total * scale / root + sums[i, 13] * others[7] / per_char
        features[0] = 1.0
        features[1] = polarity
        features[2] = abs(polarity)
        features[3] = polarity * polarity / 4
        features[4] = sums[i, 2] * scale
        features[5] = sums[i, 3] * scale
        features[6] = above * scale / root
        features[7] = (total - above) * scale / root
        features[8] = root / 5
        features[9] = sums[i, 15] * scale
        features[10] = sums[i, 16] * scale
        for label in range(4):
            logit = 0.0
            for j in range(DENSE):
                logit += features[j] * dense[j, label]
            logit += sums[i, 5 + label] * (others[label] / per_word)
            if label < 3:
                logit += sums[i, 10 + label] * (others[4 + label] / per_char)
            logits[label] = logit
        largest = max(logits[0], logits[1], logits[2])
        negative = (logits[0] - largest) / others[9]
        middle = (logits[1] - largest) / others[9]
        positive = (logits[2] - largest) / others[9]
        odds = math.exp(middle)
        neutral = odds / (math.exp(negative) + odds + math.exp(positive))
        gate = _logistic(logits[3])
        direction = (1.0 - gate) * (positive - negative) + gate * (others[10] * polarity + others[11])
        up = _logistic(direction)
        out[i, 0] = (1.0 - neutral) * (1.0 - up)
        out[i, 1] = neutral
        out[i, 2] = (1.0 - neutral) * up
