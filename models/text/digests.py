"""Which texts say the same: a retweet storm of one text, or a bot that repeats one complaint, is one voice.

Two texts are the same when their first 64 letters are (bytes of UTF-8), in their normal form
(`models.text.normal_form`), in lower case, without mentions, links, a leading RT, digits, punctuation and white space;
so a retweet is its original, also where its end has been cut off, or where its apostrophes and entities are written in
another way.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.text.batch import TextBatch
from models.text.digest_kernel import LANES, write_digests
from models.text.normal_form import ZERO_WIDTH_SPACE, normal_form

_PLANE: Final = 0x10000
_NOT_COMPARED: Final = frozenset({"Nd", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp"})


def digest_array(texts: TextBatch, wanted: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """(n,): 64 bits per text, the same for the same texts, in every process; 0 where it is not wanted."""
    texts = normal_form(texts)
    found = np.zeros((len(texts), LANES), np.dtype("<u4"))
    write_digests(texts.data, texts.bounds, wanted, _lower(), found)
    return found.view("<u8").reshape(-1)


def digests(texts: Sequence[str]) -> NDArray[np.uint64]:
    """The same, of all texts."""
    return digest_array(TextBatch.of(texts), np.ones(len(texts), np.bool_))


@functools.cache
def _lower() -> NDArray[np.uint16]:
    """(65536,): the lower case of each character of the first plane, itself when that is not one such character; a
    space for digits, punctuation and white space."""
    table = np.arange(_PLANE, dtype=np.uint16)
    for point in range(_PLANE):
        character = chr(point)
        lower = character.lower()
        if unicodedata.category(character) in _NOT_COMPARED or character == ZERO_WIDTH_SPACE:
            table[point] = ord(" ")
        elif len(lower) == 1 and ord(lower) < _PLANE:
            table[point] = ord(lower)
    table.flags.writeable = False
    return table
