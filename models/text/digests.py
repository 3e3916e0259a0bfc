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
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled
from models.text.batch import TextBatch
from models.text.normal_form import ZERO_WIDTH_SPACE, normal_form

_PLANE: Final = 0x10000
_LANES: Final = 2
"""Hashes of 32 bits per text, each with a factor of its own."""
_COMPARED: Final = 64
"""Bytes that are compared; what follows is not looked at."""
_MASK32: Final = 0xFFFFFFFF
_NOT_COMPARED: Final = frozenset({"Nd", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Zs", "Zl", "Zp"})


def digest_array(texts: TextBatch, chosen: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """(n,): 64 bits per text, the same for the same texts, in every process; 0 where it is not wanted."""
    texts = normal_form(texts)
    found = np.zeros((len(texts), _LANES), np.dtype("<u4"))
    _write_digests(texts.data, texts.bounds, chosen, _lower(), found)
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


@compiled
def _is_word(byte: int) -> bool:
    return 48 <= byte <= 57 or 65 <= byte <= 90 or byte == 95 or 97 <= byte <= 122


@compiled
def _is_space(byte: int) -> bool:
    return byte == 32 or 9 <= byte <= 13


@compiled
def _behind_noise(data: Any, at: int, stop: int) -> int:
    """The place behind the mention, placeholder (`<url>`) or link that begins at `at`; `at` when there is none."""
    byte = data[at]
    end = at + 1
    if byte == 64 or byte == 60:
        while end < stop and _is_word(data[end]):
            end += 1
        if end == at + 1:
            return at
        if byte == 64:
            return end
        return end + 1 if end < stop and data[end] == 62 else at
    if stop - at < 8:  # the shortest link, http://x
        return at
    if data[at + 1] | 32 != 116 or data[at + 2] | 32 != 116 or data[at + 3] | 32 != 112:
        return at
    end = at + 5 if data[at + 4] | 32 == 115 else at + 4
    if stop - end < 4 or data[end] != 58 or data[end + 1] != 47 or data[end + 2] != 47:
        return at
    start = end + 3
    end = start
    while end < stop and data[end] != 0 and not _is_space(data[end]):
        end += 1
    return end if end > start else at


@compiled
def _letters(data: Any, at: int, stop: int, lower: Any, out: Any) -> int:
    """Write what is compared of a text, at most _COMPARED + 2 bytes and the rest of a character; how many they are."""
    n = 0
    while at < stop and n < _COMPARED + 2:
        byte = int(data[at])
        if byte < 128:
            if byte == 64 or byte == 60 or byte | 32 == 104:
                end = _behind_noise(data, at, stop)
                if end > at:
                    at = end
                    continue
            letter = byte | 32
            if 97 <= letter <= 122:
                out[n] = letter
                n += 1
            at += 1
            continue
        width = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        if width == 4:
            for i in range(4):
                out[n + i] = data[at + i]
            n += 4
        else:
            point = (byte & 31) << 6 | int(data[at + 1]) & 63
            if width == 3:
                point = (byte & 15) << 12 | (int(data[at + 1]) & 63) << 6 | int(data[at + 2]) & 63
            point = int(lower[point])
            if point < 0x80:
                if 97 <= point <= 122:
                    out[n] = point
                    n += 1
            elif point < 0x800:
                out[n] = 0xC0 | point >> 6
                out[n + 1] = 0x80 | point & 63
                n += 2
            else:
                out[n] = 0xE0 | point >> 12
                out[n + 1] = 0x80 | point >> 6 & 63
                out[n + 2] = 0x80 | point & 63
                n += 3
        at += width
    return n


@compiled
def _mixed(value: int) -> int:
    """Every bit depends on every other (MurmurHash3, fmix32)."""
    value ^= value >> 16
    value = value * 0x85EBCA6B & _MASK32
    value ^= value >> 13
    value = value * 0xC2B2AE35 & _MASK32
    return value ^ value >> 16


@compiled
def _write_digests(data: Any, bounds: Any, chosen: Any, lower: Any, out: Any) -> None:
    """The digests of those texts that are wanted.

    Args:
        data, bounds: as of `models.text.batch.TextBatch`.
        chosen: (n,), bool.
        lower: (65536,), the lower case of each character of the first plane; a space is not compared.
        out: (n, _LANES), uint32.
    """
    letters = np.empty(_COMPARED + 8, np.uint8)
    for row in range(len(bounds) - 1):
        if not chosen[row]:
            continue
        first, last = int(bounds[row]), int(bounds[row + 1]) - 1
        n = _letters(data, first, last, lower, letters)
        start = 2 if n >= 2 and letters[0] == 114 and letters[1] == 116 else 0  # RT
        n = min(n, start + _COMPARED)
        # FNV-1a, twice; the second factor is odd, below 2**31 and otherwise arbitrary.
        a, b = 2166136261, 0x1B873593
        if n == start:  # nothing but noise: the text as it stands
            for i in range(first, last):
                byte = int(data[i])
                a = (a ^ byte) * 16777619 & _MASK32
                b = (b ^ byte) * 0x2C1B3C6D & _MASK32
        for i in range(start, n):
            byte = int(letters[i])
            a = (a ^ byte) * 16777619 & _MASK32
            b = (b ^ byte) * 0x2C1B3C6D & _MASK32
        out[row, 0] = _mixed(a)
        out[row, 1] = _mixed(b)
