"""The walk that finds terms: over code points, from every place where a term may begin, down a tree of characters."""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled
from models.text.normal_form import ZERO_WIDTH_JOINER

SEPARATOR: Final = 0
"""Code point between two texts."""
CODE_POINTS: Final = 0x110000
WORD: Final = 1
SPACE: Final = 2
BEGINS: Final = 4
"""A term begins with this character."""
BOUNDED: Final = 8
"""... and only where no word character stands before it."""
MARK: Final = 16
"""Belongs to the character before it: no word begins or ends between the two (UAX 29, WB4)."""
JOINED: Final = 32
"""A term begins with this character, and not behind a joiner, which has made one emoji of it and that before it."""
FLAG: Final = 64
"""Half of a flag: a term may begin with every other one of a row."""
ZERO_WIDTH_SPACE: Final = 0x200B
_MARKS_END: Final = 0x20000
"""Above are no marks but variation selectors, which the normal form leaves out."""
_FLAGS: Final = (0x1F1E6, 0x1F1FF)
_BLANK: Final = 32
_NOWHERE: Final = -1


# Scripts without spaces between words: every character may begin or end one, but for digits (UAX 29, WB999). Han,
# Hiragana, and what UAX 14 calls complex context: Thai, Lao, Myanmar, Khmer, the Tai scripts.
_UNSPACED: Final = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x1950, 0x19DF), (0x1A20, 0x1AAF), (0x2E80, 0x2FDF),
    (0x3005, 0x3007), (0x3021, 0x3029), (0x3038, 0x303B), (0x3041, 0x309F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF),
    (0xA9E0, 0xA9FE), (0xAA60, 0xAADF), (0xF900, 0xFAFF), (0x1B001, 0x1B11F), (0x20000, 0x3FFFF),
)  # fmt: skip


@functools.cache
def classes() -> NDArray[np.uint8]:
    """WORD, MARK, SPACE and FLAG of every code point. Read-only: copy it to add to it."""
    everything = np.arange(CODE_POINTS, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    table = np.zeros(CODE_POINTS, np.uint8)
    for bit, pattern in ((WORD, r"\w+"), (SPACE, r"\s+")):
        for match in re.finditer(pattern, everything):
            table[match.start() : match.end()] |= bit
    for first, last in _UNSPACED:
        table[first : last + 1] &= ~np.uint8(WORD)
        for digits in re.finditer(r"\d+", everything[first : last + 1]):
            table[first + digits.start() : first + digits.end()] |= WORD
    table[[point for point in range(0x300, _MARKS_END) if unicodedata.category(chr(point))[0] == "M"]] |= MARK
    table[ZERO_WIDTH_SPACE] |= SPACE
    table[ZERO_WIDTH_JOINER] |= MARK  # the normal form has it between emoji alone
    table[_FLAGS[0] : _FLAGS[1] + 1] |= FLAG
    table.flags.writeable = False
    return table


@functools.cache
def folds() -> NDArray[np.uint32]:
    """Every code point without its case, one for one, so that lengths are kept.

    One that folds to several is the small letter of its own, or the plain one (`İ` is `i`); what stands for `ß` and
    ligatures the normal form has written.
    """
    table = np.arange(CODE_POINTS, dtype=np.uint32)
    letters = list(map(chr, range(0x20000)))  # no cased letters above
    for point, (letter, folded) in enumerate(zip(letters, map(str.casefold, letters), strict=True)):
        if folded != letter and len(folded) == 1:
            table[point] = ord(folded)
        elif len(folded) > 1 and len(letter.lower()) == 1:
            table[point] = ord(letter.lower())
    table[ord("İ")] = ord("i")
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
def find_terms(  # noqa: C901, one walk
    text: Any, fold: Any, kinds: Any, keys: Any, nodes: Any, ends: Any, starts: Any, rows: Any, found: Any, places: Any
) -> int:
    """Every term at every place of texts joined by SEPARATOR.

    Args:
        text: uint32[n], code points.
        fold, kinds: per code point: without case; WORD, MARK, SPACE, BEGINS, BOUNDED, JOINED, FLAG.
        keys, nodes: the tree's branches as an open hash table, see `slot_of`; 0 in `keys` is an empty slot.
        ends: int32 per node: number of the term that ends there, -1 for none.
        starts: out, (texts + 2,): where each text begins.
        rows, found, places: out: number of the text and of the term, and where it begins, for each that was found.

    Returns:
        How many there are; when that is more than fits, the call is to be repeated with more room.
    """
    count = 0
    row = 0
    before = 0  # those of BOUNDED, JOINED and FLAG that no term may begin with here
    length = len(text)
    starts[0] = 0
    for start in range(length):
        first = fold[text[start]]
        kind = kinds[first]
        if first == SEPARATOR:
            row += 1
            starts[row] = start + 1
        elif kind & BEGINS and not kind & before:
            node = 0
            at = start
            ends_word = False
            while at < length:
                character = fold[text[at]]
                at += 1
                if not kinds[character] & MARK:
                    ends_word = kinds[character] & WORD != 0
                if kinds[character] & SPACE:
                    character = _BLANK
                    while at < length and kinds[text[at]] & SPACE:
                        at += 1
                slot = slot_of(node, int(character), keys)
                if keys[slot] == 0:
                    break
                node = int(nodes[slot])
                if ends[node] != _NOWHERE:
                    following = kinds[fold[text[at]]] if at < length else 0
                    if not (following & MARK or (following & WORD and ends_word)):
                        if count < len(rows):
                            rows[count] = row
                            found[count] = ends[node]
                            places[count] = start
                        count += 1
        if not kind & (MARK | FLAG):
            before = BOUNDED if kind & WORD else 0
        elif kind & FLAG:
            before = 0 if before & FLAG else FLAG
        elif first == ZERO_WIDTH_JOINER:
            before = JOINED
    starts[row + 1] = length + 1
    return count


@compiled
def code_points(data: Any, bounds: Any) -> Any:
    """Code points of many texts in UTF-8, SEPARATOR between two; one inside a text becomes 1, white space to none.

    Args:
        data, bounds: see `models.text.batch.TextBatch`; a surrogate is one code point.

    Returns:
        The code points, and whether a zero-width space is among them.
    """
    out = np.empty(len(data), np.uint32)
    n = 0
    has_zero_width = False
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
                has_zero_width = has_zero_width or out[n] == ZERO_WIDTH_SPACE
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
    return out[: max(n - 1, 0)], has_zero_width


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
