"""Stochastic gradient descent on hashed n-grams: AdaGrad with linear decay.

AdaGrad: Duchi, Hazan and Singer 2011. The L2 penalty of a slot is spread over its occurrences, so that it weighs
like that of a logistic regression with `C = 1 / l2` although only the slots of the current text are touched.
Inputs are those of `models.hashed_kernels.hash_all`; a slot of -1 is no feature (too rare).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled

Array = NDArray[Any]


@compiled
def fit_polarity(
    slots: Array,
    bounds: Array,
    positive: Array,
    sample_weight: Array,
    rows: Array,
    inverse: Array,
    epochs: int,
    rate: float,
    l2: float,
    seed: int,
) -> tuple[NDArray[np.float32], float]:
    """Weights of a binary logistic model on the word n-grams.

    Args:
        positive: (texts,) 1.0 or 0.0. rows: texts to learn from. inverse: (slots,) 1 / occurrences.

    Returns:
        `(weights float32 (slots,), intercept)`.
    """
    np.random.seed(seed)
    weights = np.zeros(len(inverse), np.float32)
    squares = np.full(len(inverse), 0.01, np.float32)
    intercept = 0.0
    intercept_squares = 0.01
    steps = epochs * len(rows)
    step = 0
    for _ in range(epochs):
        for pick in np.random.permutation(len(rows)):
            row = rows[pick]
            first = bounds[2 * row]
            last = bounds[2 * row + 1]
            step += 1
            total = 0.0
            count = 0
            for j in range(first, last):
                if slots[j] >= 0:
                    total += weights[slots[j]]
                    count += 1
            if count == 0:
                continue
            root = 1.0 / np.sqrt(count)
            now = rate * (1.0 - step / steps)
            error = (1.0 / (1.0 + np.exp(-total * root - intercept)) - positive[row]) * sample_weight[row]
            intercept_squares += error * error
            intercept -= now * error / np.sqrt(intercept_squares)
            error *= root
            for j in range(first, last):
                slot = slots[j]
                if slot >= 0:
                    gradient = error + l2 * inverse[slot] * weights[slot]
                    squares[slot] += gradient * gradient
                    weights[slot] -= now * gradient / np.sqrt(squares[slot])
    return weights, intercept


@compiled
def fit_head(
    slots: Array,
    bounds: Array,
    dense: Array,
    labels: Array,
    sample_weight: Array,
    rows: Array,
    inverse: Array,
    epochs: int,
    rate: float,
    l2: float,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Weights of a multinomial logistic model on word n-grams, byte n-grams and dense numbers.

    Args:
        dense: (texts, d). labels: (texts,) 0, 1 or 2. inverse: (slots,) 1 / occurrences.

    Returns:
        `(weights float32 (slots, 3), dense weights (d, 3))`.
    """
    np.random.seed(seed)
    weights: NDArray[np.float32] = np.zeros((len(inverse), 3), np.float32)
    squares = np.full((len(inverse), 3), 0.01, np.float32)
    width = dense.shape[1]
    dense_weights = np.zeros((width, 3))
    dense_squares = np.full((width, 3), 0.01)
    logits = np.zeros(3)
    steps = epochs * len(rows)
    step = 0
    for _ in range(epochs):
        for pick in np.random.permutation(len(rows)):
            row = rows[pick]
            first = bounds[2 * row]
            middle = bounds[2 * row + 1]
            last = bounds[2 * row + 2]
            step += 1
            now = rate * (1.0 - step / steps)
            word_value = 1.0 / np.sqrt(max(middle - first, 1))
            char_value = 1.0 / np.sqrt(max(last - middle, 1))
            for k in range(3):
                logits[k] = 0.0
                for d in range(width):
                    logits[k] += dense_weights[d, k] * dense[row, d]
            for j in range(first, last):
                value = word_value if j < middle else char_value
                for k in range(3):
                    logits[k] += weights[slots[j], k] * value
            largest = max(logits[0], logits[1], logits[2])
            total = 0.0
            for k in range(3):
                logits[k] = np.exp(logits[k] - largest)
                total += logits[k]
            for k in range(3):
                target = 1.0 if labels[row] == k else 0.0
                logits[k] = (logits[k] / total - target) * sample_weight[row]  # from here on the errors
                for d in range(width):
                    gradient = logits[k] * dense[row, d]
                    dense_squares[d, k] += gradient * gradient
                    dense_weights[d, k] -= now * gradient / np.sqrt(dense_squares[d, k])
            for j in range(first, last):
                slot = slots[j]
                value = word_value if j < middle else char_value
                for k in range(3):
                    gradient = logits[k] * value + l2 * inverse[slot] * weights[slot, k]
                    squares[slot, k] += gradient * gradient
                    weights[slot, k] -= now * gradient / np.sqrt(squares[slot, k])
    return weights, dense_weights
