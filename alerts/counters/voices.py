"""What is remembered of voices and texts, so that each counts once: a table of fixed size in Redis.

A voice is an author, or a text whose author is unknown (the same texts: `models.text.digests`). Who both
complains and praises is a voice among the complaints and one among the rest. The model judges a text alike whoever
passes it on: where it is not sure (a confidence below SURE) an author counts with a new text only, so that one misread
text is one voice.

An entry has one slot, found by its hash, that holds ten more bits of the hash and the quarter of an hour in which it
last came. It is known when they say that it came in this quarter, the one before or the one after, so the order in
which partitions are read matters little. A newer entry overwrites an older one in the same slot: after `n` others a
voice is forgotten, and counts again when it comes again, with the probability 1 − exp(−n / 2²¹), which is 1 % after
21,000 and 21 % after half a million. An entry that never came is taken for a known one in fewer than 1 of 1,000
cases. So the error is towards what is said, never towards silence, however full the table is; a Bloom filter errs the
other way.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

PERIOD_S: Final = 900
"""A voice is remembered for one to two of these after it last occurred."""
SURE: Final = 0.7
"""From this confidence on those who pass on a text are voices of their own."""
SLOTS: Final = 1 << 21
SLOT_BITS: Final = 16
"""Of them the upper ten are the hash's, the lower six the period's: 4 MiB in all."""
PERIODS: Final = 64
"""As many periods are distinguished: 16 hours, longer than anything stays in a table that is in use."""

_FINGERPRINTS: Final = SLOT_BITS - 6


def slots_of(keys: NDArray[np.uint64], periods: NDArray[np.int64]) -> tuple[list[str], list[str]]:
    """Where and what is remembered of entries.

    Args:
        keys: (n,): their hashes.
        periods: (n,): in which period of PERIOD_S each occurs, counted from 1970.

    Returns:
        Of each the slot's place in bits and its value, as Redis' BITFIELD takes them.
    """
    places = (keys & np.uint64(SLOTS - 1)) * np.uint64(SLOT_BITS)
    marks = keys >> np.uint64(32) & np.uint64((1 << _FINGERPRINTS) - 1)
    values = np.maximum(marks, 1).astype(np.int64) * PERIODS + periods % PERIODS
    return list(map(str, places.tolist())), list(map(str, values.tolist()))


@lru_cache(maxsize=200_000)
def salt(watch: str, kind: str) -> int:
    """What is XORed to the hash of a text or author, so that each counts once for every watch and kind of entry."""
    key = f"{kind}|{watch}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8, person=b"voice").digest(), "little")
