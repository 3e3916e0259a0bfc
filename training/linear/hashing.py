"""The hashes of many texts, for training: what the walk of `models.linear.kernels` sees, kept instead of summed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled_anew
from models.linear.kernels import char_hashes, clean, word_hashes

Array = NDArray[Any]


@compiled_anew
def _copy_by_place(found: Array, length: int, shortest: int, longest: int, out: NDArray[np.uint32], first: int) -> None:
    """Copy what `char_hashes` found to `out[first:]`, ordered by where the n-grams begin."""
    n = first
    for at in range(length):
        row = at
        for size in range(shortest, min(longest, length - at) + 1):
            out[n] = found[row]
            n += 1
            row += length - size + 1


@compiled_anew
def hash_all(
    data: Array, offsets: Array, longest_word: int, shortest_char: int, longest_char: int, negators: Array, reach: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The hashes of many texts in the order of the text, for training.

    Returns `(hashes, bounds)`: the words of text i are `hashes[bounds[2 * i]:bounds[2 * i + 1]]`, its byte n-grams
    `hashes[bounds[2 * i + 1]:bounds[2 * i + 2]]`. No byte n-grams when `longest_char` is 0.
    """
    texts = len(offsets) - 1
    longest = 0
    for i in range(texts):
        longest = max(longest, offsets[i + 1] - offsets[i])
    text = np.empty(2 * longest + 2, np.uint8)
    scratch = np.empty((2, len(text)), np.uint32)
    found = np.empty(len(text) * max(3, longest_char - shortest_char + 1), np.uint32)
    bounds = np.zeros(2 * texts + 1, np.int64)
    hashes = np.empty(max(1024, 4 * len(data)), np.uint32)
    n = 0
    for i in range(texts):
        length = clean(data, offsets[i], offsets[i + 1], text)
        for part in range(2):
            count = 0
            if part == 0:
                count, _ = word_hashes(text, length, longest_word, negators, reach, scratch, found)
            elif longest_char > 0:
                count = char_hashes(text, length, shortest_char, longest_char, scratch[0], found)
            if n + count > len(hashes):
                larger = np.empty(2 * len(hashes) + count, np.uint32)
                larger[:n] = hashes[:n]
                hashes = larger
            if part == 0:
                for j in range(count):
                    hashes[n + j] = found[j]
            elif longest_char > 0:
                _copy_by_place(found, length, shortest_char, longest_char, hashes, n)
            n += count
            bounds[2 * i + part + 1] = n
    return hashes[:n].copy(), bounds
