"""The walk that finds terms: over code points, from every place where a term may begin, down a tree of characters."""

from __future__ import annotations

import functools
import re
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.compiling import compiled

SEPARATOR: Final = 0
"""Code point between two texts."""
CODE_POINTS: Final = 0x110000
WORD: Final = 1
SPACE: Final = 2
BEGINS: Final = 4
"""A term begins with this character."""
BOUNDED: Final = 8
"""... and only where no word character stands before it."""
_BLANK: Final = 32
_NOWHERE: Final = -1


@functools.cache
def classes() -> NDArray[np.uint8]:
    """WORD and SPACE of every code point, as `re` sees them. Read-only: copy it to add to it."""
    everything = np.arange(CODE_POINTS, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    table = np.zeros(CODE_POINTS, np.uint8)
    for bit, pattern in ((WORD, r"\w+"), (SPACE, r"\s+")):
        for match in re.finditer(pattern, everything):
            table[match.start() : match.end()] |= bit
    table.flags.writeable = False
    return table


@functools.cache
def folds() -> NDArray[np.uint32]:
    """Every code point without its case. One that folds to several (ß) stays as it is, so that lengths are kept."""
    table = np.arange(CODE_POINTS, dtype=np.uint32)
    letters = list(map(chr, range(0x20000)))  # no cased letters above
    for point, (letter, folded) in enumerate(zip(letters, map(str.casefold, letters), strict=True)):
        if folded != letter and len(folded) == 1:
            table[point] = ord(folded)
    table.flags.writeable = False
    return table


@compiled
def key_of(node: int, character: int) -> int:
    """What stands for the branch of a node by a character in the table; never 0."""
    return node * CODE_POINTS + character + 1


@compiled
def slot_of(node: int, character: int, keys: Any) -> int:
    """Where the branch of a node by a character is in the table, or would be."""
    key = key_of(node, character)
    mask = len(keys) - 1
    slot = (node * 40_503 + character * 34_283) & mask
    while keys[slot] != key and keys[slot] != 0:
        slot = (slot + 1) & mask
    return slot


@compiled
def find_terms(text: Any, fold: Any, kinds: Any, keys: Any, nodes: Any, ends: Any, rows: Any, found: Any) -> int:
    """Every term at every place of texts joined by SEPARATOR.

    Args:
        text: uint32[n], code points.
        fold, kinds: per code point: without case; WORD, SPACE, BEGINS, BOUNDED.
        keys, nodes: the tree's branches as an open hash table, see `slot_of`; 0 in `keys` is an empty slot.
        ends: int32 per node: number of the term that ends there, -1 for none.
        rows, found: out: number of the text and of the term, for each that was found.

    Returns:
        How many there are; when that is more than fits, the call is to be repeated with more room.
    """
    count = 0
    row = 0
    after_word = False
    length = len(text)
    for start in range(length):
        first = fold[text[start]]
        kind = kinds[first]
        if first == SEPARATOR:
            row += 1
        elif kind & BEGINS and not (after_word and kind & BOUNDED):
            node = 0
            at = start
            while at < length:
                character = fold[text[at]]
                at += 1
                if kinds[character] & SPACE:
                    character = _BLANK
                    while at < length and kinds[text[at]] & SPACE:
                        at += 1
                slot = slot_of(node, int(character), keys)
                if keys[slot] == 0:
                    break
                node = int(nodes[slot])
                if ends[node] != _NOWHERE:
                    inside = at < length and kinds[fold[text[at]]] & WORD and kinds[character] & WORD
                    if not inside:
                        if count < len(rows):
                            rows[count] = row
                            found[count] = ends[node]
                        count += 1
        after_word = kind & WORD != 0
    return count


@compiled
def code_points(data: Any, bounds: Any) -> Any:
    """Code points of many texts in UTF-8, SEPARATOR between two; one inside a text becomes 1, white space to none.

    Args:
        data, bounds: see `models.text.TextBatch`; a surrogate is one code point.
    """
    out = np.empty(len(data), np.uint32)
    n = 0
    for row in range(len(bounds) - 1):
        at = bounds[row]
        stop = bounds[row + 1] - 1
        while at < stop:
            byte = int(data[at])
            if byte < 0x80:
                out[n] = byte if byte != SEPARATOR else 1
                at += 1
            elif byte < 0xE0:
                out[n] = (byte & 31) << 6 | int(data[at + 1]) & 63
                at += 2
            elif byte < 0xF0:
                out[n] = (byte & 15) << 12 | (int(data[at + 1]) & 63) << 6 | int(data[at + 2]) & 63
                at += 3
            else:
                out[n] = (
                    (byte & 7) << 18 | (int(data[at + 1]) & 63) << 12 | (int(data[at + 2]) & 63) << 6
                    | int(data[at + 3]) & 63
                )  # fmt: skip
                at += 4
            n += 1
        out[n] = SEPARATOR
        n += 1
    return out[: max(n - 1, 0)]


@compiled
def gather(rows: Any, found: Any, count: int, owners: Any, bits: Any) -> None:
    """Add the topics of what was found to the bits of each text.

    Args:
        rows, found: of `find_terms`.
        owners: uint64 per term: bits of the topics that it belongs to.
        bits: out, uint64 per text, zeros at first.
    """
    for i in range(count):
        bits[rows[i]] |= owners[found[i]]
