"""What is remembered of texts, so that each counts once: a Bloom filter per quarter of an hour.

`models.text.digests` says which texts are the same.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

FILTER_BITS: Final = 1 << 23
"""Size of the Bloom filter that remembers a period's texts (1 MiB), three bits a text, all in one word."""
PERIOD_S: Final = 900
"""A text is remembered for one to two of these after it last came."""

_WORDS: Final = FILTER_BITS // 32
_ONE: Final = np.uint64(1)


def filter_bits(salted: NDArray[np.uint64]) -> list[str | int]:
    """Where in the filter texts are remembered.

    Args:
        salted: (n,): their digests, each XOR the salt of its watch.

    Returns:
        For each, the place of a 32-bit word as BITFIELD takes it, and the bits that are set in it; 2n in a row.
    """
    masks = _ONE << (salted & np.uint64(31))
    masks |= _ONE << (salted >> np.uint64(5) & np.uint64(31))
    masks |= _ONE << (salted >> np.uint64(10) & np.uint64(31))
    places = salted >> np.uint64(15) & np.uint64(_WORDS - 1)
    found: list[str | int] = [0] * (2 * len(salted))
    found[::2] = [f"#{place}" for place in places.tolist()]
    found[1::2] = masks.tolist()
    return found


@lru_cache(maxsize=100_000)
def salt(watch: str) -> int:
    """What is XORed to the digest of a text about a watch: each text counts once for every watch."""
    return int.from_bytes(hashlib.blake2b(watch.encode(), digest_size=8, person=b"watch").digest(), "little")
