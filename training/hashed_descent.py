"""Stochastic gradient descent on hashed n-grams: AdaGrad with linear decay.

AdaGrad: Duchi, Hazan and Singer 2011. The L2 penalty of a slot is spread over its occurrences, so that it weighs
like that of a logistic regression with `C = 1 / l2` although only the slots of the current text are touched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled

Array = NDArray[Any]


@compiled
def fit_binary(
    hashes: Array,
    bounds: Array,
    positive: Array,
    sample_weight: Array,
    word_state: Array,
    char_state: Array,
    state: Array,
    rate: float,
    l2: float,
) -> None:
    """Go once over some texts with a binary logistic model on word and byte n-grams, in the order given.

    Args:
        hashes, bounds: as `models.hashed_kernels.hash_all` returns them.
        positive: (texts,) 1.0 or 0.0.
        word_state, char_state: (2**bits, 3) float32, changed: weight, sum of squared gradients, 1 / occurrences (0: too
            rare to count).
        state: (4,), changed: intercept, its sum of squares, steps done, steps in all.
    """
    word_shift = 32
    while 1 << (32 - word_shift) < len(word_state):
        word_shift -= 1
    char_shift = 32
    while 1 << (32 - char_shift) < len(char_state):
        char_shift -= 1
    for row in range(len(positive)):
        first = bounds[2 * row]
        middle = bounds[2 * row + 1]
        last = bounds[2 * row + 2]
        state[2] += 1
        total = 0.0
        for j in range(first, middle):
            slot = hashes[j] >> word_shift
            if word_state[slot, 2] > 0:
                total += word_state[slot, 0]
        word_value = 1.0 / np.sqrt(max(middle - first, 1))
        char_value = 1.0 / np.sqrt(max(last - middle, 1))
        from_chars = 0.0
        for j in range(middle, last):
            from_chars += char_state[hashes[j] >> char_shift, 0]
        logit = total * word_value + from_chars * char_value + state[0]
        error = (1.0 / (1.0 + np.exp(-logit)) - positive[row]) * sample_weight[row]
        now = rate * (1.0 - state[2] / state[3])
        state[1] += error * error
        state[0] -= now * error / np.sqrt(state[1])
        for j in range(first, last):
            if j < middle:
                one = word_state[hashes[j] >> word_shift]
                gradient = error * word_value
            else:
                one = char_state[hashes[j] >> char_shift]
                gradient = error * char_value
            if one[2] > 0:
                gradient += l2 * one[2] * one[0]
                one[1] += gradient * gradient
                one[0] -= now * gradient / np.sqrt(one[1])


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
    char_share: float,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Weights of a multinomial logistic model on word n-grams, byte n-grams and dense numbers.

    Args:
        dense: (texts, d). labels: (texts,) 0, 1 or 2. inverse: (slots,) 1 / occurrences.
        char_share: length of the vector of byte n-grams; that of the word n-grams is 1.

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
            char_value = char_share / np.sqrt(max(last - middle, 1))
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
