"""Stochastic gradient descent on hashed n-grams: AdaGrad with linear decay.

AdaGrad: Duchi, Hazan and Singer 2011. The L2 penalty of a slot is spread over its occurrences, so that it weighs
like that of a logistic regression with `C = 1 / l2` although only the slots of the current text are touched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled

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
        hashes, bounds: as `models.linear.kernels.hash_all` returns them.
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
    targets: Array,
    sample_weight: Array,
    prior: Array,
    inverse: Array,
    epochs: int,
    rate: float,
    l2: float,
    char_share: float,
    dropout: float,
    seed: int,
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Weights of a multinomial logistic model on word n-grams, byte n-grams and dense numbers.

    Args:
        dense: (texts, d). inverse: (slots,) 1 / occurrences.
        targets: (texts, 3) how probable each label is: 1 for that of a person, a teacher's probabilities.
        prior: (slots, 3) where the weights start and what the L2 penalty pulls them to.
        char_share: length of the vector of byte n-grams; that of the word n-grams is 1.
        dropout: share of a text's n-grams that are left out of each step, the others raised to make up for it.

    Returns:
        `(weights float32 (slots, 3), dense weights (d, 3))`.
    """
    np.random.seed(seed)
    state = _initial_state(prior, inverse, l2)
    dense_weights = np.zeros((dense.shape[1], 3))
    dense_squares = np.full((dense.shape[1], 3), 0.01)
    errors = np.zeros(3)
    longest = 0
    for row in range(len(targets)):
        longest = max(longest, bounds[2 * row + 2] - bounds[2 * row])
    kept = np.empty(longest, np.int64)
    values = np.empty(longest)
    noise = np.full(1, np.uint64(88172645463325252) + np.uint64(seed))
    left_out = np.uint64(dropout * 4294967296.0)
    steps = epochs * len(targets)
    step = 0
    for _ in range(epochs):
        for row in np.random.permutation(len(targets)):
            first, middle, last = bounds[2 * row], bounds[2 * row + 1], bounds[2 * row + 2]
            step += 1
            now = rate * (1.0 - step / steps)
            word_value = 1.0 / np.sqrt(max(middle - first, 1)) / (1.0 - dropout)
            char_value = char_share / np.sqrt(max(last - middle, 1)) / (1.0 - dropout)
            n = _keep_some(slots, first, middle, last, word_value, char_value, left_out, noise, kept, values)
            _softmax(state, kept, values, n, dense_weights, dense[row], errors)
            for k in range(3):
                errors[k] = (errors[k] - targets[row, k]) * sample_weight[row]
            _descend(state, kept, values, n, dense_weights, dense_squares, dense[row], errors, now)
    weights: NDArray[np.float32] = state[:, :3].copy()
    return weights, dense_weights


@compiled
def _initial_state(prior: Array, inverse: Array, l2: float) -> Array:
    """All that a step needs of a slot in one line of the processor's cache: 3 weights, 3 squares, 3 priors, pull."""
    state = np.empty((len(inverse), 16), np.float32)
    for slot in range(len(inverse)):
        for k in range(3):
            state[slot, k] = prior[slot, k]
            state[slot, 3 + k] = 0.01
            state[slot, 6 + k] = prior[slot, k]
        state[slot, 9] = l2 * inverse[slot]
    return state


@compiled
def _keep_some(
    slots: Array,
    first: int,
    middle: int,
    last: int,
    word_value: float,
    char_value: float,
    left_out: np.uint64,
    noise: Array,
    kept: Array,
    values: Array,
) -> int:
    """Write the slots and values that dropout keeps of one text; returns their number.

    Xorshift (Marsaglia 2003): a number for each n-gram of each step, five times cheaper than numpy's.
    """
    n = 0
    state = noise[0]
    for j in range(first, last):
        state ^= state << np.uint64(13)
        state ^= state >> np.uint64(7)
        state ^= state << np.uint64(17)
        if state & np.uint64(0xFFFFFFFF) >= left_out:
            kept[n] = slots[j]
            values[n] = word_value if j < middle else char_value
            n += 1
    noise[0] = state
    return n


@compiled
def _softmax(
    state: Array, kept: Array, values: Array, n: int, dense_weights: Array, dense: Array, probabilities: Array
) -> None:
    """Write the probabilities of the three labels of one text."""
    for k in range(3):
        probabilities[k] = 0.0
        for d in range(len(dense)):
            probabilities[k] += dense_weights[d, k] * dense[d]
    for j in range(n):
        for k in range(3):
            probabilities[k] += state[kept[j], k] * values[j]
    largest = max(probabilities[0], probabilities[1], probabilities[2])
    total = 0.0
    for k in range(3):
        probabilities[k] = np.exp(probabilities[k] - largest)
        total += probabilities[k]
    for k in range(3):
        probabilities[k] /= total


@compiled
def _descend(
    state: Array,
    kept: Array,
    values: Array,
    n: int,
    dense_weights: Array,
    dense_squares: Array,
    dense: Array,
    errors: Array,
    rate: float,
) -> None:
    """One step of AdaGrad against the errors of one text."""
    for k in range(3):
        for d in range(len(dense)):
            gradient = errors[k] * dense[d]
            dense_squares[d, k] += gradient * gradient
            dense_weights[d, k] -= rate * gradient / np.sqrt(dense_squares[d, k])
    for j in range(n):
        one = state[kept[j]]
        for k in range(3):
            gradient = errors[k] * values[j] + one[9] * (one[k] - one[6 + k])
            one[3 + k] += gradient * gradient
            one[k] -= rate * gradient / np.sqrt(one[3 + k])


@compiled
def count_labels(slots: Array, bounds: Array, targets: Array, sample_weight: Array, counts: Array) -> None:
    """Add to `counts` (slots, 3) how much weight each label has among the texts of each slot."""
    for row in range(len(targets)):
        for j in range(bounds[2 * row], bounds[2 * row + 2]):
            for k in range(3):
                counts[slots[j], k] += sample_weight[row] * targets[row, k]
