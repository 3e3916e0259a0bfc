"""One normal form of text for terms of watches and themes, for the texts they are looked for in, and for digests.

Two ways to write one thing are the same in it, so that it makes no difference which keyboard, application or
export a text came through:

- HTML entities, with a name or a number, are what they mean (`&amp;` is `&`), also those that were escaped twice;
- apostrophes and quotation marks are `'` and `"`, hyphens, dashes and the minus sign are `-`, a full-width `＃`, `＠`
  or letter, a letter of a mathematical alphabet and one in a circle are the plain one;
- `ß` is `ss`, as in capitals (`STRASSE`), and a ligature such as `ﬁ` is its letters;
- what has no width and says nothing is left out: joiners, soft hyphens, direction marks, byte order marks, variation
  selectors. So are vowel marks and lengthened lines of Arabic and Hebrew, which most people leave out when they write,
  and skin tones of emoji. A joiner between two emoji stays, as it makes another one of them (`👨‍👩‍👧`);
- a zero-width space is one of its own kind: it stays, see `models.text.matching`.

Case otherwise, accents and white space are left as they are. The events and masked texts keep what the author wrote.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from html.entities import html5
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled
from models.text.batch import TextBatch

ZERO_WIDTH_SPACE: Final = "\u200b"
_POINTS: Final = 0x110000
_APOSTROPHES: Final = "`´ʹʻʼʽˈ׳‘’‛′‵ꞌ＇｀"
_QUOTES: Final = "ʺ״“”‟„«»″‶〝〞＂"
_DASHES: Final = "‐‑‒–—―⁃−⸺⸻﹘﹣－"
# Unicode's Default_Ignorable_Code_Point without the fillers of Hangul, which have a width, and the zero-width space;
# and the skin tones of emoji.
_IGNORED: Final = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x17B4, 0x17B5), (0x180B, 0x180F), (0x200C, 0x200F),
    (0x202A, 0x202E), (0x2060, 0x206F), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFF0, 0xFFFB), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0x1F3FB, 0x1F3FF), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Points of Hebrew; vowel and Koranic marks and the lengthening line of Arabic. Hamza and madda, which make other
# letters, stay.
_VOWEL_MARKS: Final = (
    (0x0591, 0x05BD), (0x05BF, 0x05BF), (0x05C1, 0x05C2), (0x05C4, 0x05C5), (0x05C7, 0x05C7), (0x0610, 0x061A),
    (0x0640, 0x0640), (0x064B, 0x0652), (0x0656, 0x065F), (0x0670, 0x0670), (0x06D6, 0x06DC), (0x06DF, 0x06E4),
    (0x06E7, 0x06E8), (0x06EA, 0x06ED), (0x08D3, 0x08E1), (0x08E3, 0x08FF),
)  # fmt: skip
# Blocks with characters of `_SAME_LETTER`: to look at all of Unicode takes a tenth of a worker's start.
_WITH_PLAIN_FORM: Final = (
    (0x2100, 0x214F), (0x2460, 0x24FF), (0x3000, 0x3000), (0xFB20, 0xFB29), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF),
    (0x1EE00, 0x1EEFF), (0x1F130, 0x1F14F), (0x1FBF0, 0x1FBF9),
)  # fmt: skip
_SAME_LETTER: Final = frozenset({"<wide>", "<narrow>", "<font>", "<circle>", "<square>"})
_EMOJI: Final = frozenset("ℹⓂ㊗㊙")
"""Letters that are drawn as pictures."""
# Of those letters that casefold to several, the ones whose plain letters are not longer in UTF-8.
_LETTERS: Final = {
    "ß": "ss", "ẞ": "SS", "ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st",
}  # fmt: skip
_DROPPED: Final = 0xFFFFFFFF
"""In the table of characters: this one is left out."""
_SEVERAL: Final = 0x80000000
"""... this one becomes two or three of ASCII: _SEVERAL | first | second << 8 | third << 16."""
ZERO_WIDTH_JOINER: Final = 0x200D
_LONGEST_ENTITY: Final = 33
"""Bytes of the longest name of an HTML entity, `&` and `;` included."""
_AMPERSAND: Final = 38
_NONE: Final = -1


def normal_form(texts: Sequence[str]) -> TextBatch:
    """The texts in their normal form; the same batch when they are in it already."""
    batch = TextBatch.of(texts)
    table = _table()
    if _first_change(batch.data, table) == len(batch.data):
        return batch
    out = np.empty(len(batch.data), np.uint8)
    bounds = np.empty(len(batch.bounds), np.int64)
    written = _write_normal(batch.data, batch.bounds, table, _entities(), out, bounds)
    return TextBatch(out[:written], bounds)


def normal(text: str) -> str:
    """One text in its normal form."""
    return normal_form([text])[0]


@functools.cache
def _table() -> NDArray[np.uint32]:
    """What stands for each character, _DROPPED for none, _SEVERAL for some of ASCII."""
    table = np.arange(_POINTS, dtype=np.uint32)
    for point in (point for first, last in _WITH_PLAIN_FORM for point in range(first, last + 1)):
        kind, _, plain = unicodedata.decomposition(chr(point)).partition(" ")
        if kind in _SAME_LETTER and len(plain) <= 5 and chr(point) not in _EMOJI:
            letter = chr(int(plain, 16))
            if kind in ("<wide>", "<narrow>", "<font>") or (letter.isascii() and letter.isalnum()):
                table[point] = ord(letter)
    for characters, plain in ((_APOSTROPHES, "'"), (_QUOTES, '"'), (_DASHES, "-")):
        for character in characters:
            table[ord(character)] = ord(plain)
    for character, letters in _LETTERS.items():
        table[ord(character)] = _SEVERAL | sum(ord(letter) << 8 * place for place, letter in enumerate(letters))
    for first, last in (*_IGNORED, *_VOWEL_MARKS):
        table[first : last + 1] = _DROPPED
    table.flags.writeable = False
    return table


@functools.cache
def _entities() -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """What `_write_normal` takes: HTML's names of single characters, and what browsers take &#128; to &#159; for."""
    meant = {
        _hash(name[:-1]): ord(character)
        for name, character in html5.items()
        if name.endswith(";") and len(character) == 1
    }
    hashes = sorted(meant)
    windows = [ord(bytes([byte]).decode("cp1252", "replace")) for byte in range(128, 160)]
    windows = [0 if point == 0xFFFD else point for point in windows]
    arrays = [np.array(numbers, np.int64) for numbers in (hashes, [meant[one] for one in hashes], windows)]
    for array in arrays:
        array.flags.writeable = False
    return arrays[0], arrays[1], arrays[2]


def _hash(name: str) -> int:
    found = 2166136261
    for byte in name.encode():
        found = (found ^ byte) * 16777619 & 0xFFFFFFFF
    return found


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
    end = min(stop, at + _LONGEST_ENTITY - 1)
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
def _put_form(form: int, out: Any, n: int) -> int:
    """Write what the table has for a character; the place behind it."""
    if form == _DROPPED:
        return n
    if form & _SEVERAL == 0:
        return _put(form, out, n)
    form &= 0xFFFFFF
    while form != 0:
        out[n] = form & 127
        form >>= 8
        n += 1
    return n


@compiled
def _is_picture(first: int, second: int) -> bool:
    """Whether a character in UTF-8 that begins with these bytes may be joined to another as an emoji.

    Those are U+1F000 to U+1FFFF, and arrows, signs and symbols from U+2180 to U+2BFF, such as of gender.
    """
    return (first == 0xF0 and second == 0x9F) or (first == 0xE2 and 0x86 <= second <= 0xAF)


@compiled
def _joins(data: Any, at: int, out: Any, start: int, n: int) -> bool:
    """Whether a zero-width joiner stands between two pictures: before it is `out[start:n]`, behind it `data[at:]`.

    Elsewhere it only says how letters are drawn.
    """
    before = (n - start >= 4 and _is_picture(out[n - 4], out[n - 3])) or (
        n - start >= 3 and _is_picture(out[n - 3], out[n - 2])
    )
    return before and at + 1 < len(data) and _is_picture(data[at], data[at + 1])


@compiled
def _first_change(data: Any, table: Any) -> int:
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
def _write_normal(data: Any, bounds: Any, table: Any, entities: Any, out: Any, out_bounds: Any) -> int:
    """Write texts in their normal form, which is never longer.

    Args:
        data, bounds: as of `models.text.batch.TextBatch`.
        table: (0x110000,) uint32, what stands for each character; _DROPPED for none.
        entities: sorted hashes (FNV-1a) of the names of entities, what each means, and what &#128; to &#159; mean.
        out, out_bounds: out, of the same lengths.

    Returns:
        How many bytes were written.
    """
    n = 0
    out_bounds[0] = 0
    for row in range(len(bounds) - 1):
        start = n
        at = bounds[row]
        stop = bounds[row + 1] - 1
        while at < stop:
            byte = int(data[at])
            if byte < 0x80:
                if byte == _AMPERSAND:
                    point, behind = _entity(data, at, stop, entities)
                    if point != _NONE:
                        at = behind
                        joined = point == ZERO_WIDTH_JOINER and _joins(data, at, out, start, n)
                        n = _put_form(point if joined else int(table[point]), out, n)
                        continue
                out[n] = 39 if byte == 96 else byte
                n += 1
                at += 1
                continue
            point = _point(data, at)
            at += 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            joined = point == ZERO_WIDTH_JOINER and _joins(data, at, out, start, n)
            n = _put_form(point if joined else int(table[point]), out, n)
        out[n] = 0
        n += 1
        out_bounds[row + 1] = n
    return n
