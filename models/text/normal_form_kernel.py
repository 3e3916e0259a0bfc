"""The compiled walk that writes texts in their normal form; see `normal_form`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled

DROPPED: Final = 0xFFFFFFFF
"""In the table of characters: this one is left out."""
LONGEST_ENTITY: Final = 33
"""Bytes of the longest name of an HTML entity, `&` and `;` included."""
_AMPERSAND: Final = 38
_NONE: Final = -1


@compiled
def _point(data: Any, at: int) -> int:
    """The code point of the character beyond ASCII at `at`, in UTF-8."""
    byte = int(data[at])
    if byte < 0xE0:
        return (byte & 31) << 6 | int(data[at + 1]) & 63
    if byte < 0xF0:
        return (byte & 15) << 12 | (int(data[at + 1]) & 63) << 6 | int(data[at + 2]) & 63
    return (byte & 7) << 18 | (int(data[at + 1]) & 63) << 12 | (int(data[at + 2]) & 63) << 6 | int(data[at + 3]) & 63


@compiled
def _number(data: Any, at: int, stop: int, windows: Any) -> Any:
    """Code point of the numeric entity whose `#` is at `at`, _NONE when it is none; and the place behind it."""
    at += 1
    base = 10
    if at < stop and data[at] | 32 == 120:
        base = 16
        at += 1
    value = 0
    digits = 0
    while at < stop and digits < 8:
        byte = int(data[at])
        digit = byte - 48 if 48 <= byte <= 57 else (byte | 32) - 87 if 97 <= byte | 32 <= 102 else 99
        if digit >= base:
            break
        value = value * base + digit
        digits += 1
        at += 1
    if digits == 0 or at >= stop or data[at] != 59:
        return _NONE, at
    if 128 <= value < 160:
        value = int(windows[value - 128])
    if value < 32 or value > 0x10FFFF or 0xD800 <= value < 0xE000:
        return _NONE, at
    return value, at + 1


@compiled
def _name(data: Any, at: int, stop: int, names: Any, meant: Any) -> Any:
    """The same for an entity with a name, which begins at `at`."""
    h = 2166136261
    end = min(stop, at + LONGEST_ENTITY - 1)
    start = at
    while at < end:
        byte = int(data[at])
        if byte == 59:
            break
        if not (97 <= byte | 32 <= 122 or 48 <= byte <= 57):
            return _NONE, at
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
        at += 1
    if at == start or at >= end:
        return _NONE, at
    where = np.searchsorted(names, h)
    if where == len(names) or names[where] != h:
        return _NONE, at
    return int(meant[where]), at + 1


@compiled
def _entity(data: Any, at: int, stop: int, entities: Any) -> Any:
    """Code point of the entity whose `&` is at `at`, _NONE when there is none; and the place behind it.

    One that means an ampersand may be the beginning of another: `&amp;#39;` was escaped twice.
    """
    names, meant, windows = entities
    found = _NONE
    behind = at
    while found in (_NONE, _AMPERSAND):
        start = at + 1 if found == _NONE else behind
        if start >= stop:
            break
        if data[start] == 35:
            point, end = _number(data, start, stop, windows)
        else:
            point, end = _name(data, start, stop, names, meant)
        if point == _NONE:
            break
        found = point
        behind = end
    return found, behind


@compiled
def _put(point: int, out: Any, n: int) -> int:
    """Write a code point in UTF-8; the place behind it."""
    if point < 0x80:
        out[n] = point
        return n + 1
    if point < 0x800:
        out[n] = 0xC0 | point >> 6
        out[n + 1] = 0x80 | point & 63
        return n + 2
    if point < 0x10000:
        out[n] = 0xE0 | point >> 12
        out[n + 1] = 0x80 | point >> 6 & 63
        out[n + 2] = 0x80 | point & 63
        return n + 3
    out[n] = 0xF0 | point >> 18
    out[n + 1] = 0x80 | point >> 12 & 63
    out[n + 2] = 0x80 | point >> 6 & 63
    out[n + 3] = 0x80 | point & 63
    return n + 4


@compiled
def first_change(data: Any, table: Any) -> int:
    """Where the first byte stands that may not be in normal form; the number of bytes when there is none."""
    at = 0
    stop = len(data)
    while at < stop:
        byte = int(data[at])
        if byte < 0x80:
            if byte == _AMPERSAND or byte == 96:
                return at
            at += 1
            continue
        point = _point(data, at)
        if table[point] != point:
            return at
        at += 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
    return stop


@compiled
def write_normal(data: Any, bounds: Any, table: Any, entities: Any, out: Any, out_bounds: Any) -> int:
    """Write texts in their normal form, which is never longer.

    Args:
        data, bounds: as of `models.text.batch.TextBatch`.
        table: (0x110000,) uint32, what stands for each character; DROPPED for none.
        entities: sorted hashes (FNV-1a) of the names of entities, what each means, and what &#128; to &#159; mean.
        out, out_bounds: out, of the same lengths.

    Returns:
        How many bytes were written.
    """
    n = 0
    out_bounds[0] = 0
    for row in range(len(bounds) - 1):
        at = bounds[row]
        stop = bounds[row + 1] - 1
        while at < stop:
            byte = int(data[at])
            if byte < 0x80:
                if byte == _AMPERSAND:
                    point, behind = _entity(data, at, stop, entities)
                    if point != _NONE:
                        at = behind
                        point = int(table[point])
                        if point != DROPPED:
                            n = _put(point, out, n)
                        continue
                out[n] = 39 if byte == 96 else byte
                n += 1
                at += 1
                continue
            point = _point(data, at)
            at += 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            point = int(table[point])
            if point != DROPPED:
                n = _put(point, out, n)
        out[n] = 0
        n += 1
        out_bounds[row + 1] = n
    return n
