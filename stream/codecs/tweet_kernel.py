"""The compiled walk over the JSON of tweets; see `tweet_decoder`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled

INSTANT: Final = 24
"""Bytes of `2026-11-20T10:00:00.000Z`."""
_MAX_TEXT: Final = 10_000
_MAX_ID: Final = 256
_MAX_LANG: Final = 35
_MAX_NOBODY: Final = 9
_MAX_NAME: Final = 64
_NAMED: Final = b" @"
"""`contracts.tweet_objects.fields.NAMED`."""
_MAX_DIGITS: Final = 18
_FAILED: Final = -1

OTHER: Final = 0
ID: Final = 1
TEXT: Final = 2
CREATED_AT: Final = 3
AUTHOR_ID: Final = 4
LANG: Final = 5
REACH: Final = 6
NAME: Final = 7
OTHERWISE: Final = 8
"""Keys that may say the text, the id, the date or the author in another way: not for this walk."""

_TEXTS, _IDS, _LANGS, _AUTHORS, WASTE = range(5)
_COLUMNS: Final = (WASTE, _IDS, _TEXTS, WASTE, _AUTHORS, _LANGS, WASTE, WASTE)
"""Where the string of each field goes."""
_WHOLE_SECOND: Final = b".000Z"
_ESCAPES: Final = b'"\\/bfnrt'
_ESCAPED: Final = b'"\\/\b\f\n\r\t'


@compiled
def _blank(data: Any, at: int, stop: int) -> int:
    """The first place from `at` that is no white space."""
    while at < stop and (data[at] == 32 or data[at] == 10 or data[at] == 13 or data[at] == 9):
        at += 1
    return at


@compiled
def _hex(data: Any, at: int) -> int:
    """Four hexadecimal digits, _FAILED when they are not."""
    value = 0
    for i in range(at, at + 4):
        byte = int(data[i])
        if 48 <= byte <= 57:
            value = value * 16 + byte - 48
        elif 97 <= (byte | 32) <= 102:
            value = value * 16 + (byte | 32) - 87
        else:
            return _FAILED
    return value


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
def _string(data: Any, at: int, stop: int, out: Any, n: int) -> Any:  # noqa: C901, one case each
    """Write what the JSON string at the quote `data[at]` means to `out[n:]`.

    Returns the place behind it, _FAILED when it is not well-formed, and the place behind what was written.
    """
    at += 1
    while at < stop:
        byte = int(data[at])
        if byte == 34:
            return at + 1, n
        if byte < 32:
            return _FAILED, n
        if byte < 128 and byte != 92:
            out[n] = byte
            n += 1
            at += 1
        elif byte >= 128:
            width = _width(data, at, stop)
            if width == 0:
                return _FAILED, n
            for i in range(width):
                out[n + i] = data[at + i]
            n += width
            at += width
        else:
            if at + 1 >= stop:
                return _FAILED, n
            kind = int(data[at + 1])
            at += 2
            known = 0
            while known < len(_ESCAPES) and _ESCAPES[known] != kind:
                known += 1
            if known < len(_ESCAPES):
                out[n] = _ESCAPED[known]
            elif kind == 117 and at + 4 <= stop:
                point = _hex(data, at)
                at += 4
                if 0xD800 <= point <= 0xDBFF and at + 6 <= stop and data[at] == 92 and data[at + 1] == 117:
                    low = _hex(data, at + 2)
                    if low < 0xDC00 or low > 0xDFFF:
                        return _FAILED, n
                    point = 0x10000 + ((point - 0xD800) << 10) + low - 0xDC00
                    at += 6
                if point < 0 or 0xD800 <= point <= 0xDFFF:
                    return _FAILED, n
                if point < 0x80:
                    out[n] = point
                elif point < 0x800:
                    out[n] = 0xC0 | point >> 6
                    out[n + 1] = 0x80 | point & 63
                    n += 1
                elif point < 0x10000:
                    out[n] = 0xE0 | point >> 12
                    out[n + 1] = 0x80 | point >> 6 & 63
                    out[n + 2] = 0x80 | point & 63
                    n += 2
                else:
                    out[n] = 0xF0 | point >> 18
                    out[n + 1] = 0x80 | point >> 12 & 63
                    out[n + 2] = 0x80 | point >> 6 & 63
                    out[n + 3] = 0x80 | point & 63
                    n += 3
            else:
                return _FAILED, n
            n += 1
    return _FAILED, n


@compiled
def _digits(data: Any, at: int, stop: int) -> int:
    """The place behind a whole number of a few digits, without sign; _FAILED for any other number."""
    start = at
    while at < stop and 48 <= data[at] <= 57:
        at += 1
    if at == start or at - start > _MAX_DIGITS or (data[start] == 48 and at - start > 1):
        return _FAILED
    if at < stop and (data[at] == 46 or data[at] | 32 == 101):
        return _FAILED
    return at


@compiled
def _number(data: Any, at: int, end: int, out: Any, n: int) -> int:
    """Copy digits to `out[n:]`; what they say."""
    number = 0
    for i in range(at, end):
        out[n + i - at] = data[i]
        number = 10 * number + int(data[i]) - 48
    return number


@compiled
def _key_end(data: Any, at: int, stop: int) -> int:
    """The place of the quote that ends the key of which the first letter is `data[at]`, _FAILED when it is none that is
    plain."""
    if at > stop or data[at - 1] != 34:
        return _FAILED
    while at < stop and data[at] != 34:
        if data[at] < 32 or data[at] >= 128 or data[at] == 92:
            return _FAILED
        at += 1
    return at


@compiled
def _is(data: Any, start: int, name: Any) -> bool:
    same = True
    for i in range(len(name)):
        same = same and data[start + i] == name[i]
    return same


@compiled
def _word(data: Any, at: int, stop: int) -> int:
    """The place behind `null`, `true` or `false`, else _FAILED."""
    if stop - at >= 4 and (_is(data, at, b"null") or _is(data, at, b"true")):
        return at + 4
    if stop - at >= 5 and _is(data, at, b"false"):
        return at + 5
    return _FAILED


@compiled
def _field(data: Any, start: int, stop: int) -> int:  # noqa: C901, one case each
    """Which field a key is."""
    length = stop - start
    if length == 2 and _is(data, start, b"id"):
        return ID
    if length == 4 and _is(data, start, b"text"):
        return TEXT
    if length == 4 and _is(data, start, b"lang"):
        return LANG
    if length == 4 and (_is(data, start, b"user") or _is(data, start, b"date")):
        return OTHERWISE
    if length == 4 and _is(data, start, b"acct"):
        return NAME
    if length == 5 and _is(data, start, b"reach"):
        return REACH
    if length == 6 and (_is(data, start, b"id_str") or _is(data, start, b"author")):
        return OTHERWISE
    if length == 6 and _is(data, start, b"handle"):
        return NAME
    if length == 8 and _is(data, start, b"username"):
        return NAME
    if length == 11 and _is(data, start, b"screen_name"):
        return NAME
    if length == 9 and _is(data, start, b"author_id"):
        return AUTHOR_ID
    if length == 9 and (_is(data, start, b"full_text") or _is(data, start, b"createdAt")):
        return OTHERWISE
    if length == 10 and _is(data, start, b"created_at"):
        return CREATED_AT
    return OTHER


@compiled
def _may_be_nobody(out: Any, start: int, end: int) -> bool:
    """Whether `contracts.tweet_objects.fields.NOBODY` may have this author, or blanks are around it."""
    first, last = int(out[start]), int(out[end - 1])
    if first <= 32 or last <= 32:
        return True
    starts = first | 32  # n of nan, null, none; u of undefined; <na>, -1, 0
    return end - start <= _MAX_NOBODY and (starts == 110 or starts == 117 or first == 60 or first == 45 or first == 48)


@compiled
def _name(data: Any, at: int, out: Any, n: int) -> int:
    """Write the key of the user name in the JSON value at `data[at]` to `out[n:]`: the place behind it, _FAILED when it
    is not plainly one.

    Of ASCII letters, digits, `_`, `.` and `-`, and nobody of `contracts.tweet_objects.fields.NOBODY`.
    """
    if data[at] != 34 or data[at + 1] == 34:
        return _FAILED
    for i in range(len(_NAMED)):
        out[n + i] = _NAMED[i]
    n += len(_NAMED)
    first = n
    start = at = at + 1
    while data[at] != 34:
        byte = int(data[at])
        if 65 <= byte <= 90:
            byte += 32
        if not (97 <= byte <= 122 or 48 <= byte <= 57 or byte == 95 or ((byte == 46 or byte == 45) and at > start)):
            return _FAILED
        out[n] = byte
        n += 1
        at += 1
    length = n - first
    if length > _MAX_NAME:
        return _FAILED
    nobody = (length == 1 and out[first] == 48) or (length == 2 and _is(out, first, b"na"))
    nobody = nobody or (length == 3 and (_is(out, first, b"nan") or _is(out, first, b"nil")))
    nobody = nobody or (length == 4 and (_is(out, first, b"null") or _is(out, first, b"none")))
    return _FAILED if nobody or (length == 9 and _is(out, first, b"undefined")) else n


@compiled
def _two(data: Any, at: int) -> int:
    """Two digits, a large number when they are not."""
    tens, ones = int(data[at]) - 48, int(data[at + 1]) - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else 1000


@compiled
def _is_zero(year: int, month: int, day: int, second: int) -> bool:
    """Whether a date is what programs write for none (`contracts.tweet_objects.dates`)."""
    return (year == 1970 or year == 1) and month == 1 and day == 1 and second == 0


@compiled
def _instant(data: Any, at: int, stop: int, out: Any) -> int:
    """Copy a quoted date in UTC, of whole seconds or milliseconds; the place behind it, _FAILED for any other."""
    if stop - at < 22 or data[at] != 34:
        return _FAILED
    at += 1
    century, year, month, day = _two(data, at), _two(data, at + 2), _two(data, at + 5), _two(data, at + 8)
    hour, minute, second = _two(data, at + 11), _two(data, at + 14), _two(data, at + 17)
    if data[at + 4] != 45 or data[at + 7] != 45 or data[at + 10] != 84 or data[at + 13] != 58 or data[at + 16] != 58:
        return _FAILED
    if century > 99 or year > 99 or hour > 23 or minute > 59 or second > 59 or month < 1 or month > 12 or day < 1:
        return _FAILED
    year += 100 * century
    longest = 30 + (month + (month >> 3)) % 2
    if month == 2:
        longest = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    if day > longest or year < 1 or _is_zero(year, month, day, hour * 3600 + minute * 60 + second):
        return _FAILED
    for i in range(INSTANT):
        out[i] = data[at + i] if i < 19 else _WHOLE_SECOND[i - 19]
    at += 19
    if data[at] == 46:
        if stop - at < 6:
            return _FAILED
        for i in range(1, 4):
            if data[at + i] < 48 or data[at + i] > 57:
                return _FAILED
            out[19 + i] = data[at + i]
        at += 4
    if stop - at < 2 or data[at] != 90 or data[at + 1] != 34:
        return _FAILED
    return at + 2


@compiled
def _is_settled(text: Any, start: int, stop: int, inert: Any) -> bool:
    """Whether a text surely is in NFC, not blank and not too long."""
    count = 0
    ink = False
    at = start
    while at < stop:
        byte = int(text[at])
        count += 1
        if byte < 128:
            ink = ink or 32 < byte < 127
            at += 1
            continue
        if byte < 0xE0:
            point = (byte & 31) << 6 | int(text[at + 1]) & 63
            at += 2
        elif byte < 0xF0:
            point = (byte & 15) << 12 | (int(text[at + 1]) & 63) << 6 | int(text[at + 2]) & 63
            at += 3
        else:
            # Beyond the first plane only symbols and emoji are known to be inert.
            if byte != 0xF0 or text[at + 1] != 0x9F:
                return False
            at += 4
            continue
        if not inert[point]:
            return False
    return ink and count <= _MAX_TEXT


@compiled
def _read(  # noqa: C901, one case each
    data: Any, at: int, stop: int, inert: Any, is_plain: bool, outs: Any, ns: Any, has: Any, reach: Any, instant: Any
) -> bool:
    """One tweet to the end of the columns; False when it is to be read by other means.

    `has`, out: whether there is a language, an author, a date. `reach`, out, (1,): left as it is where there is none.
    """
    seen = 0
    names = name_at = 0
    at = _blank(data, at, stop)
    if at >= stop or data[at] != 123:
        return False
    at += 1
    while True:
        start = _blank(data, at, stop) + 1
        at = _key_end(data, start, stop)
        if at == _FAILED:
            return False
        field = _field(data, start, at)
        at = _blank(data, at + 1, stop)
        if at >= stop or data[at] != 58:
            return False
        at = _blank(data, at + 1, stop)
        if at >= stop:
            return False
        if field != OTHER:
            if field == OTHERWISE or (seen >> field & 1 and field != NAME):
                return False
            seen |= 1 << field
        first = data[at]
        value = at
        column = _COLUMNS[field]
        ns[WASTE] = 0
        start = ns[column]
        if first == 34 and field == CREATED_AT:
            at = _instant(data, at, stop, instant)
            has[2] = True
        elif first == 34 and field == REACH:
            return False
        elif first == 34:
            at, ns[column] = _string(data, at, stop, outs[column], start)
        elif 48 <= first <= 57 and field != TEXT and field != LANG and field != CREATED_AT:
            end = _digits(data, at, stop)
            number = _number(data, at, end, outs[column], start)
            if field == REACH:
                reach[0] = number
            ns[column] = start + end - at
            at = end
        elif field == OTHER or (first == 110 and field != ID and field != TEXT):
            at = _word(data, at, stop)
        else:
            return False
        if at == _FAILED:
            return False
        length = ns[column] - start
        if field == TEXT:
            if not (is_plain or _is_settled(outs[column], start, ns[column], inert)):
                return False
        elif field == ID:
            if length == 0 or (not is_plain and length > _MAX_ID):  # in bytes: beyond ASCII it may be short enough
                return False
        elif field == AUTHOR_ID:
            has[1] = length > 0
            if (first == 34 and length == 0) or (not is_plain and length > _MAX_ID):
                return False
            if not is_plain and length > 0 and _may_be_nobody(outs[column], start, ns[column]):
                return False
        elif field == NAME and first != 110:
            names += 1
            name_at = value
        elif field == LANG:
            has[0] = first == 34
            if not is_plain and length > _MAX_LANG:
                return False
        at = _blank(data, at, stop)
        if at >= stop:
            return False
        if data[at] == 125:
            break
        if data[at] != 44:
            return False
        at += 1
    if names > 0 and not has[1]:
        ns[_AUTHORS] = _FAILED if names > 1 else _name(data, name_at, outs[_AUTHORS], ns[_AUTHORS])
        has[1] = True
    return ns[_AUTHORS] != _FAILED and _blank(data, at + 1, stop) == stop and seen >> ID & 3 == 3  # with ID and TEXT


@compiled
def read_tweets(
    data: Any, ends: Any, inert: Any, is_plain: bool, sure: Any, instants: Any, reach: Any, has: Any
) -> Any:
    """Read many tweets.

    Args:
        data: the values in a row, each up to its end.
        inert: see `tweet_decoder._inert`.
        is_plain: every value is a tweet, with its text in NFC, its limits kept and its date in UTC.
        sure: out: whether each was read.
        instants: out, (n, 24): when each was written, where it says so.
        reach: out, (n,): -1 where a tweet names none.
        has: out, (n, 3): whether each names a language, an author, a date.

    Returns:
        Texts, ids, languages and authors, a NUL after each, and their bounds, (4, n + 1).
    """
    rows = len(ends)
    most = len(data) + rows
    texts, ids, langs = np.empty(most, np.uint8), np.empty(most, np.uint8), np.empty(most, np.uint8)
    authors, waste = np.empty(most, np.uint8), np.empty(most, np.uint8)
    outs = (texts, ids, langs, authors, waste)
    bounds = np.zeros((WASTE, rows + 1), np.int64)
    ns = np.zeros(WASTE + 1, np.int64)
    has[:] = False
    reach[:] = -1
    start: Any = np.int64(0)  # a bare 0 would have numba compile `_read` once more, for the constant
    for row in range(rows):
        one = reach[row : row + 1]
        sure[row] = _read(data, start, ends[row], inert, is_plain, outs, ns, has[row], one, instants[row])
        start = ends[row]
        for column in range(WASTE):
            if not sure[row]:
                ns[column] = bounds[column, row]
            outs[column][ns[column]] = 0
            ns[column] += 1
            bounds[column, row + 1] = ns[column]
    return texts[: ns[0]], ids[: ns[1]], langs[: ns[2]], authors[: ns[3]], bounds
