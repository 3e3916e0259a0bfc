"""A batch of texts as one run of bytes, the form in which compiled code walks them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Between texts: white space to the cleaning, and rarer in tweets than a line break.
_BETWEEN = "\x00"


def join(texts: Sequence[str]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """UTF-8 of all texts in a row, a NUL byte after each.

    Returns:
        `(data, offsets)`: text i is `data[offsets[i] : offsets[i + 1]]`, with `offsets` of length n + 1. Lone
        surrogates are encoded as they are; a NUL inside a text becomes a space (both are white space to a model).
    """
    if not texts:
        return np.empty(0, np.uint8), np.zeros(1, np.int64)
    joined = _BETWEEN.join(texts)
    if joined.count(_BETWEEN) != len(texts) - 1:
        joined = _BETWEEN.join([text.replace(_BETWEEN, " ") for text in texts])
    data = np.frombuffer((joined + _BETWEEN).encode("utf-8", "surrogatepass"), np.uint8)
    offsets = np.empty(len(texts) + 1, np.int64)
    offsets[0] = 0
    offsets[1:] = np.flatnonzero(data == 0) + 1
    return data, offsets
