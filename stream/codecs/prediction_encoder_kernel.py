"""The compiled writer of scored events; see `prediction_encoder`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled

DIGITS: Final = 6
"""Most characters of a probability of four digits: `0.1234`."""
ID: Final = 36
INSTANT: Final = 24
HASH: Final = 16
_NUMBER: Final = 20
"""Most digits of a reach."""
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)
_NULL: Final = np.frombuffer(b"null", np.uint8)


def _short_escapes() -> Any:
    table = np.zeros(256, np.uint8)
    table[list(range(32))] = 1
    for byte, letter in (("\b", "b"), ("\t", "t"), ("\n", "n"), ("\f", "f"), ("\r", "r"), ('"', '"'), ("\\", "\\")):
        table[ord(byte)] = ord(letter)
    return table


ESCAPES: Final = _short_escapes()
"""Per byte: 0 when JSON has it as it is, 1 when it takes six letters (\\u001f), else the letter after the backslash."""


@compiled
def _length(data: Any, start: int, stop: int, escapes: Any) -> int:
    """Letters that `_write_string` writes, but for the quotes."""
    length = stop - start
    for at in range(start, stop):
        escape = escapes[data[at]]
        if escape:
            length += 5 if escape == 1 else 1
    return length


@compiled
def _copy(data: Any, start: int, stop: int, out: Any, n: int) -> int:
    for at in range(start, stop):
        out[n + at - start] = data[at]
    return n + stop - start


@compiled
def _write_string(data: Any, start: int, stop: int, escapes: Any, length: int, out: Any, n: int) -> int:
    """Write a JSON string; `length` is that of `_length`. Returns the place behind it."""
    out[n] = 34
    n += 1
    if length == stop - start:
        n = _copy(data, start, stop, out, n)
    else:
        for at in range(start, stop):
            byte = data[at]
            escape = escapes[byte]
            if escape == 0:
                out[n] = byte
                n += 1
                continue
            out[n] = 92
            if escape != 1:
                out[n + 1] = escape
                n += 2
                continue
            out[n + 1] = 117
            out[n + 2] = 48
            out[n + 3] = 48
            out[n + 4] = _HEX[byte >> 4]
            out[n + 5] = _HEX[byte & 15]
            n += 6
    out[n] = 34
    return n + 1


@compiled
def _write_hex(value: Any, out: Any, n: int) -> int:
    for digit in range(HASH):
        out[n + digit] = _HEX[int(value >> np.uint64(60 - 4 * digit)) & 15]
    return n + HASH


@compiled
def _write_number(value: int, out: Any, n: int) -> int:
    digits = 1
    rest = value // 10
    while rest > 0:
        digits += 1
        rest //= 10
    for at in range(digits):
        out[n + digits - 1 - at] = 48 + value % 10
        value //= 10
    return n + digits


@compiled
def write_events(
    columns: Any,
    topics: Any,
    identifiers: Any,
    probabilities: Any,
    instants: Any,
    has: Any,
    authors: Any,
    tables: Any,
    bounds: Any,
) -> Any:
    """The JSON of many events. In one piece: parted into helpers it takes a tenth longer for each event.

    Args:
        columns: bytes and bounds of tweet ids, texts and languages, as of `models.text.batch.TextBatch`.
        topics: number of the part (watches, themes, model) of each event.
        identifiers: 36 letters each. probabilities: (n, 3) float32. instants: (n, 24).
        has: (2, n), whether there is a text, a language.
        authors: hashes (n,) uint64, 0 for none; reach (n,), -1 for none.
        tables: bytes and bounds of the template's pieces, of the three labels and of the parts; letters (10001, 6)
            and numbers of letters of the shares; `ESCAPES`.
        bounds: out, (n + 1): where each event begins.

    Returns:
        The events in a row; nothing when a probability is not between 0 and 1.
    """
    ids, id_bounds, texts, text_bounds, langs, lang_bounds = columns
    pieces, piece_bounds, labels, label_bounds, parts, part_bounds, shares, share_lengths, escapes = tables
    hashes, reach = authors
    rows = len(topics)
    lengths = np.empty((rows, 3), np.int64)
    fixed = len(pieces) + ID + INSTANT + HASH + _NUMBER + 4 * DIGITS
    total = 0
    for row in range(rows):
        for label in range(3):
            if not 0 <= np.rint(float(probabilities[row, label]) * 10_000) <= 10_000:
                return np.empty(0, np.uint8)
        lengths[row, 0] = _length(ids, id_bounds[row], id_bounds[row + 1] - 1, escapes)
        lengths[row, 1] = _length(texts, text_bounds[row], text_bounds[row + 1] - 1, escapes) if has[0, row] else 4
        lengths[row, 2] = _length(langs, lang_bounds[row], lang_bounds[row + 1] - 1, escapes) if has[1, row] else 4
        part = part_bounds[topics[row] + 1] - part_bounds[topics[row]]
        total += fixed + 30 + part + lengths[row, 0] + lengths[row, 1] + lengths[row, 2]
    out = np.empty(total, np.uint8)
    n = 0
    bounds[0] = 0
    for row in range(rows):
        best = 0
        for label in range(1, 3):
            if probabilities[row, label] > probabilities[row, best]:
                best = label
        n = _copy(pieces, piece_bounds[0], piece_bounds[1], out, n)
        n = _write_string(ids, id_bounds[row], id_bounds[row + 1] - 1, escapes, lengths[row, 0], out, n)
        n = _copy(pieces, piece_bounds[1], piece_bounds[2], out, n)
        n = _copy(identifiers, row * ID, row * ID + ID, out, n)
        n = _copy(pieces, piece_bounds[2], piece_bounds[3], out, n)
        n = _copy(labels, label_bounds[best], label_bounds[best + 1], out, n)
        for field in range(4):  # confidence, then the three scores
            label = best if field == 0 else field - 1
            share = int(np.rint(float(probabilities[row, label]) * 10_000))
            n = _copy(pieces, piece_bounds[3 + field], piece_bounds[4 + field], out, n)
            n = _copy(shares, share * DIGITS, share * DIGITS + share_lengths[share], out, n)
        n = _copy(pieces, piece_bounds[7], piece_bounds[8], out, n)
        n = _copy(parts, part_bounds[topics[row]], part_bounds[topics[row] + 1], out, n)
        n = _copy(pieces, piece_bounds[8], piece_bounds[9], out, n)
        if has[0, row]:
            n = _write_string(texts, text_bounds[row], text_bounds[row + 1] - 1, escapes, lengths[row, 1], out, n)
        else:
            n = _copy(_NULL, 0, 4, out, n)
        n = _copy(pieces, piece_bounds[9], piece_bounds[10], out, n)
        if has[1, row]:
            n = _write_string(langs, lang_bounds[row], lang_bounds[row + 1] - 1, escapes, lengths[row, 2], out, n)
        else:
            n = _copy(_NULL, 0, 4, out, n)
        n = _copy(pieces, piece_bounds[10], piece_bounds[11], out, n)
        n = _copy(instants[row], 0, INSTANT, out, n)
        n = _copy(pieces, piece_bounds[11], piece_bounds[12], out, n)
        if hashes[row] != 0:
            n = _copy(pieces, piece_bounds[12], piece_bounds[13], out, n)
            n = _write_hex(hashes[row], out, n)
            n = _copy(pieces, piece_bounds[13], piece_bounds[14], out, n)
        if reach[row] >= 0:
            n = _copy(pieces, piece_bounds[14], piece_bounds[15], out, n)
            n = _write_number(reach[row], out, n)
        out[n] = 125
        n += 1
        bounds[row + 1] = n
    return out[:n]
