"""The compiled walk over scored events as `prediction_encoder` writes them; see `prediction_decoder`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled

_FAILED: Final = -1
_MASK32: Final = 0xFFFFFFFF
_SHARE: Final = 10_000
_DAY_MS: Final = 86_400_000
_ESCAPED: Final = np.zeros(256, np.uint8)
"""What the letter after a backslash stands for, 0 when nothing that the walk knows."""
for _letter, _byte in zip(b'"\\/bfnrt', b'"\\/\b\f\n\r\t', strict=True):
    _ESCAPED[_letter] = _byte


@compiled
def _behind(data: Any, at: int, stop: int, piece: Any) -> int:
    """The place behind `piece` if it stands at `at`, else _FAILED."""
    if at < 0 or stop - at < len(piece):
        return _FAILED
    for i in range(len(piece)):
        if data[at + i] != piece[i]:
            return _FAILED
    return at + len(piece)


@compiled
def _plain(data: Any, at: int, stop: int) -> int:
    """The place of the quote that ends a string of plain ASCII, _FAILED for any other."""
    while at >= 0 and at < stop:
        byte = data[at]
        if byte == 34:
            return at
        if byte < 32 or byte >= 128 or byte == 92:
            return _FAILED
        at += 1
    return _FAILED


@compiled
def _share(data: Any, at: int, stop: int) -> Any:
    """The place behind a number such as `0.1234`, and ten thousand times the number; _FAILED for any other."""
    if at < 0 or stop - at < 4 or data[at] < 48 or data[at] > 49 or data[at + 1] != 46:
        return _FAILED, 0
    value = int(data[at]) - 48
    at += 2
    start = at
    while at < stop and at - start < 4 and 48 <= data[at] <= 57:
        value = value * 10 + int(data[at]) - 48
        at += 1
    if at == start:
        return _FAILED, 0
    for _ in range(4 - (at - start)):
        value *= 10
    return at, value


@compiled
def _width(data: Any, at: int, stop: int) -> int:
    """Bytes of the well-formed UTF-8 sequence of a character beyond ASCII (Unicode, table 3-7), else 0."""
    first = int(data[at])
    width = 2 if 0xC2 <= first <= 0xDF else 3 if 0xE0 <= first <= 0xEF else 4 if 0xF0 <= first <= 0xF4 else 0
    if width == 0 or at + width > stop:
        return 0
    second = int(data[at + 1])
    low = 0xA0 if first == 0xE0 else 0x90 if first == 0xF0 else 0x80
    high = 0x9F if first == 0xED else 0x8F if first == 0xF4 else 0xBF
    if second < low or second > high:
        return 0
    for i in range(at + 2, at + width):
        if data[i] & 0xC0 != 0x80:
            return 0
    return width


@compiled
def _text(data: Any, at: int, stop: int, out: Any, n: int) -> Any:
    """Write what a JSON string means to `out[n:]`, `at` being behind its first quote.

    Returns the place behind it, _FAILED when the walk is not sure of it, and the place behind what was written.
    """
    while at < stop:
        byte = int(data[at])
        if byte == 34:
            return at + 1, n
        if byte < 32:
            return _FAILED, n
        if byte >= 128:
            width = _width(data, at, stop)
            if width == 0:
                return _FAILED, n
            for i in range(width):
                out[n + i] = data[at + i]
            n += width
            at += width
            continue
        if byte == 92:  # the short escapes; \u is rare in what we write
            if at + 1 >= stop or not _ESCAPED[data[at + 1]]:
                return _FAILED, n
            at += 1
            byte = int(_ESCAPED[data[at]])
        out[n] = byte
        n += 1
        at += 1
    return _FAILED, n


@compiled
def _two(data: Any, at: int) -> int:
    """Two digits, a large number when they are not."""
    tens, ones = int(data[at]) - 48, int(data[at + 1]) - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else 1000


@compiled
def _instant(data: Any, at: int, stop: int) -> Any:
    """The place behind `2026-11-20T10:00:00.000Z` and its milliseconds since 1970; _FAILED for any other."""
    if at < 0 or stop - at < 24:
        return _FAILED, 0
    century, year, month, day = _two(data, at), _two(data, at + 2), _two(data, at + 5), _two(data, at + 8)
    hour, minute, second = _two(data, at + 11), _two(data, at + 14), _two(data, at + 17)
    tenths, rest = _two(data, at + 20), int(data[at + 22]) - 48
    if data[at + 4] != 45 or data[at + 7] != 45 or data[at + 10] != 84 or data[at + 13] != 58 or data[at + 16] != 58:
        return _FAILED, 0
    if data[at + 19] != 46 or data[at + 23] != 90 or tenths > 99 or rest < 0 or rest > 9:
        return _FAILED, 0
    if century > 99 or year > 99 or hour > 23 or minute > 59 or second > 59 or month < 1 or month > 12 or day < 1:
        return _FAILED, 0
    year += 100 * century
    longest = 30 + (month + (month >> 3)) % 2
    if month == 2:
        longest = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if day > longest or year < 1:
        return _FAILED, 0
    # Hinnant, "chrono-compatible low-level date algorithms", days_from_civil.
    if month <= 2:
        year -= 1
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
    seconds = hour * 3600 + minute * 60 + second
    return at + 24, days * _DAY_MS + seconds * 1000 + tenths * 10 + rest


@compiled
def _ending(data: Any, at: int, stop: int) -> Any:
    """Author and reach, `at` being the quote that ends `scored_at` (or _FAILED); then whether the walk is sure."""
    author, reach = np.uint64(0), np.int64(0)
    if at == _FAILED:
        return author, reach, False
    at += 1
    start = _behind(data, at, stop, b',"author":"')
    if start != _FAILED:
        if stop - start < 17 or data[start + 16] != 34:
            return author, reach, False
        for i in range(start, start + 16):
            byte = data[i]
            digit = byte - 48 if 48 <= byte <= 57 else byte - 87 if 97 <= byte <= 102 else 255
            if digit == 255:
                return author, reach, False
            author = author << np.uint64(4) | np.uint64(digit)
        if author == 0:
            author = np.uint64(1)
        at = start + 17
    start = _behind(data, at, stop, b',"reach":')
    if start != _FAILED:
        at = start
        while at < stop and at - start < 15 and 48 <= data[at] <= 57:
            reach = reach * 10 + np.int64(data[at]) - 48
            at += 1
        if at == start or (data[start] == 48 and at > start + 1):
            return author, reach, False
    return author, reach, at == stop - 1 and data[at] == 125


@compiled
def _part_end(data: Any, at: int, stop: int) -> int:
    """The place of `,"text":` outside strings and brackets, _FAILED when there is none."""
    depth = 0
    inside = False
    while at < stop:
        byte = data[at]
        if inside:
            if byte == 92:
                at += 1
            elif byte == 34:
                inside = False
        elif byte == 34:
            inside = True
        elif byte == 91 or byte == 123:
            depth += 1
        elif byte == 93 or byte == 125:
            depth -= 1
            if depth < 0:
                return _FAILED
        elif byte == 44 and depth == 0 and _behind(data, at, stop, b',"text":') != _FAILED:
            return at
        at += 1
    return _FAILED


@compiled
def _is_same(data: Any, one: int, other: int, length: int) -> bool:
    same = True
    for i in range(length):
        same = same and data[one + i] == data[other + i]
    return same


@compiled
def _number(data: Any, start: int, stop: int, slots: Any, parts: Any, count: int) -> Any:
    """Number of the part that stands there, and how many parts are known afterwards (open addressing, FNV-1a)."""
    h = 2166136261
    for at in range(start, stop):
        h = (h ^ int(data[at])) * 16777619 & _MASK32
    mask = len(slots) - 1
    slot = (h ^ h >> 15) & mask
    while slots[slot] >= 0:
        known = slots[slot]
        if parts[known, 1] - parts[known, 0] == stop - start and _is_same(data, parts[known, 0], start, stop - start):
            return known, count
        slot = (slot + 1) & mask
    slots[slot] = count
    parts[count, 0] = start
    parts[count, 1] = stop
    return count, count + 1


@compiled
def _read(data: Any, at: int, stop: int, row: int, columns: Any, interning: Any, texts: Any, n: int) -> Any:
    """One event to the end of the columns: how many parts are known then, and the place behind its text; less than
    none when it is to be read by other means."""
    sentiments, shares, created, part_of, has_text, authors, reach = columns
    slots, parts, count = interning
    at = _plain(data, _behind(data, at, stop, b'{"tweet_id":"'), stop)
    at = _behind(data, at, stop, b'","prediction_id":"')
    name, name_end = at, _plain(data, at, stop)
    at = _behind(data, name_end, stop, b'","sentiment":"')
    if at == _FAILED or stop - at < 8:
        return _FAILED, n
    if data[at + 2] == 103:
        sentiments[row] = 0
        at = _behind(data, at, stop, b"negative")
    elif data[at + 2] == 117:
        sentiments[row] = 1
        at = _behind(data, at, stop, b"neutral")
    else:
        sentiments[row] = 2
        at = _behind(data, at, stop, b"positive")
    at, shares[row] = _share(data, _behind(data, at, stop, b'","confidence":'), stop)
    at, _ = _share(data, _behind(data, at, stop, b',"scores":{"negative":'), stop)
    at, _ = _share(data, _behind(data, at, stop, b',"neutral":'), stop)
    at, _ = _share(data, _behind(data, at, stop, b',"positive":'), stop)
    start = _behind(data, at, stop, b"},")
    at = _behind(data, start, stop, b'"watches":[')
    if at == _FAILED or at >= stop:
        return _FAILED, n
    is_watched = data[at] != 93
    part_end = _part_end(data, start, stop)
    if part_end == _FAILED:
        return _FAILED, n
    at = part_end + 8
    text = n
    has_text[row] = False
    if stop - at > 4 and data[at] == 34:
        at, n = _text(data, at + 1, stop, texts, n)
        has_text[row] = n > text
    else:
        at = _behind(data, at, stop, b"null")
    if not is_watched:
        n = text
    elif not has_text[row]:  # without its text every tweet is a voice of its own
        for i in range(name, name_end):
            texts[n] = data[i]
            n += 1
    at = _behind(data, at, stop, b',"lang":')
    if at != _FAILED and at < stop and data[at] == 34:
        at = _plain(data, at + 1, stop)
        at = _FAILED if at == _FAILED else at + 1
    else:
        at = _behind(data, at, stop, b"null")
    at, created[row] = _instant(data, _behind(data, at, stop, b',"created_at":"'), stop)
    at = _plain(data, _behind(data, at, stop, b'","scored_at":"'), stop)
    authors[row], reach[row], is_sure = _ending(data, at, stop)
    if not is_sure:
        return _FAILED, text
    part_of[row], count = _number(data, start, part_end, slots, parts, count)
    return count, n


@compiled
def read_events(data: Any, ends: Any, columns: Any) -> Any:
    """Read many scored events.

    Args:
        data: the values in a row, each up to its end.
        columns: out, (n,) each: place among SENTIMENTS; ten thousand times the confidence; `created_at`, milliseconds
            since 1970; number of its part (watches, themes, model, what follows up to the text), -1 when the walk is
            not sure of the event; False when the text is null or empty; the author's hash, 0 without one; the reach,
            0 without one.

    Returns:
        Texts (a NUL after each) and their n + 1 bounds: those of events about a watch, or the prediction id where there
        is no text; else empty. Then (m, 2): where each part stands in `data`.
    """
    rows = len(ends)
    texts = np.empty(len(data) + rows, np.uint8)
    bounds = np.zeros(rows + 1, np.int64)
    parts = np.empty((rows, 2), np.int64)
    size = 16
    while size < 2 * rows:
        size *= 2
    slots = np.full(size, -1, np.int32)
    none: Any = np.int64(0)  # a bare 0 would have numba compile `_read` once more, for the constant
    count, n, start = none, none, none
    part_of = columns[3]
    for row in range(rows):
        known, behind = _read(data, start, ends[row], row, columns, (slots, parts, count), texts, n)
        start = ends[row]
        if known == _FAILED:
            part_of[row] = -1
            behind = n
        else:
            count = known
        texts[behind] = 0
        n = behind + 1
        bounds[row + 1] = n
    return texts[:n], bounds, parts[:count]
