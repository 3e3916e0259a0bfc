"""Numbers that say what an artefact's weights mean: cleaning, hashing, negation.

Compiled code keeps them (numba looks at the file of a function only), so none of them may change without a new
`CLEANING` and a change of `kernels.py`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

CLEANING: Final = 2
"""Version of the cleaning and hashing; part of every artefact."""

URL: Final = 1
MENTION: Final = 2
SPACE: Final = 32

FNV_OFFSET: Final = 2166136261
FNV_PRIME: Final = 16777619
MASK32: Final = 0xFFFFFFFF
# Fibonacci hashing (Knuth): the high bits of the product become the slot. Cheaper than `_spread`, and there are many
# more byte n-grams than word n-grams.
GOLDEN: Final = 0x1E3779B1
# Any odd factor below 2**31 and any two tags do; they keep a pair apart from its words and from the pair reversed.
BEFORE: Final = 0x2F0B4C47
PAIR: Final = 0x5BD1E995
TRIPLE: Final = 0x3C6EF372
# The hashes of the bytes 3 and 4, which are in no token: where a text begins and ends.
BEGIN: Final = 0x060C5EB2
END: Final = 0x010C56D3

SEPARATOR: Final = 0
WORD: Final = 1
PUNCTUATION: Final = 2
SYMBOL: Final = 3

# Keeps a word behind a negator apart from the word itself; the byte n-grams there start from another seed.
NEGATED: Final = 0x51ED270B
NEGATED_SEED: Final = FNV_OFFSET ^ NEGATED
# What ends the reach of a negator, beside the marks ! , . : ; ? (hashes of "but" and "mais").
BUT: Final = 0x60D56F8C
MAIS: Final = 0xD790C41F

REACH: Final = 4
"""Words behind a negator that it may negate."""
_NEGATORS: Final = """
not no never cannot nothing nobody none nowhere neither nor without hardly barely nt dont doesnt didnt isnt arent wasnt
werent wont wouldnt cant couldnt shouldnt hasnt havent hadnt aint mustnt neednt pas jamais aucun aucune sans rien
"""
NEGATORS: Final = tuple(_NEGATORS.split())
"""As they are cleaned: `don't` is `dont`. French ones, too."""
NEGATORS_OF_TWO: Final = (("far", "from"),)


def fnv(data: bytes) -> int:
    """FNV-1a of 32 bits."""
    h = FNV_OFFSET
    for byte in data:
        h = (h ^ byte) * FNV_PRIME & MASK32
    return h


def negator_table() -> NDArray[np.uint32]:
    """The hashes of negators, each in the slot that its high bits name: the smallest table where no two collide."""
    hashes = [fnv(word.encode()) for word in NEGATORS]
    hashes += [fnv(one.encode()) * BEFORE + fnv(other.encode()) & MASK32 for one, other in NEGATORS_OF_TWO]
    for bits in range(1, 17):
        slots = [(h * GOLDEN & MASK32) >> (32 - bits) for h in hashes]
        if len(set(slots)) == len(slots):
            table = np.zeros(1 << bits, np.uint32)
            table[slots] = hashes
            return table
    raise ValueError("two negators have the same hash")
