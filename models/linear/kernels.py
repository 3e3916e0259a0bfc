"""From bytes to hashed features: the compiled walk.

One pass cleans a text into tokens, a second one hashes what the tokens are made of. `tests/oracles/hashed.py` does the
same in plain Python with regular expressions; the tests hold the two together. Whoever changes either changes the
meaning of every artefact: raise `CLEANING` then. All compiled functions that call each other live in this file: numba
notices a change of the file that a cached function is in, not of the files it calls.

Cleaning, byte by byte on UTF-8: white space and control characters separate; a URL is one token (byte 1), a
mention another (byte 2), so that no name can sway the model; letters are lower-cased (ASCII and Latin-1), digits are
all `0`, apostrophes vanish (`don't` is `dont`), a byte of ASCII repeated in a token stays at most twice (`sooo` is
`soo`), an emoji or symbol is a token of its own without skin tone and joiner, ASCII punctuation in a row is one token.

Hashing: FNV-1a, 32 bits (Fowler, Noll, Vo; draft-eastlake-fnv), then spread, since the high bits become the slot. Loops
over many hashes keep to 32 bits and have no branches: the compiler makes vector instructions of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled
from models.linear import constants as c

Array = NDArray[Any]


@compiled
def _spread(hashes: Array, count: int) -> None:
    """Spread the bits of the first `count` of (n,) uint32 in place: Wellons' lowbias32 with smaller factors."""
    for j in range(count):
        h = np.uint32(hashes[j] ^ (hashes[j] >> np.uint32(16)))
        h = np.uint32(h * np.uint32(0x2C1B3C6D))
        h = np.uint32(h ^ (h >> np.uint32(13)))
        h = np.uint32(h * np.uint32(0x297A2D39))
        hashes[j] = np.uint32(h ^ (h >> np.uint32(15)))


@compiled
def kind_of(byte: int) -> int:
    """What a lower-cased byte is part of."""
    if byte >= 128:
        return c.WORD
    if byte <= c.SPACE or byte == 127:
        return c.SEPARATOR
    if 97 <= byte <= 122 or 48 <= byte <= 57 or byte == 95:
        return c.WORD
    return c.PUNCTUATION


@compiled
def _is_url(data: Array, at: int, stop: int) -> bool:
    """Whether `http://`, `https://` or `www.` starts here, whatever the case."""
    if stop - at >= 4 and (data[at] | 32) == 119 and (data[at + 1] | 32) == 119 and (data[at + 2] | 32) == 119:
        return bool(data[at + 3] == 46)
    if stop - at < 4 or (data[at] | 32) != 104 or (data[at + 1] | 32) != 116 or (data[at + 2] | 32) != 116:
        return False
    if (data[at + 3] | 32) != 112:
        return False
    at += 4
    if at < stop and (data[at] | 32) == 115:
        at += 1
    if at >= stop or data[at] <= c.SPACE:
        return True
    return bool(stop - at >= 3 and data[at] == 58 and data[at + 1] == 47 and data[at + 2] == 47)


@compiled
def _is_handle(byte: int) -> bool:
    """Whether a byte can be part of a handle."""
    return 97 <= (byte | 32) <= 122 or 48 <= byte <= 57 or byte == 95


@compiled
def _entity(data: Array, at: int, stop: int) -> int:
    """Width of `&amp;`, `&lt;` or `&gt;` at `at`, else 0."""
    if stop - at >= 4 and data[at + 2] == 116 and data[at + 3] == 59 and (data[at + 1] == 108 or data[at + 1] == 103):
        return 4
    if stop - at >= 5 and data[at + 1] == 97 and data[at + 2] == 109 and data[at + 3] == 112 and data[at + 4] == 59:
        return 5
    return 0


@compiled
def clean(data: Array, start: int, stop: int, out: Array) -> int:  # noqa: C901, a machine of few states
    """Write the tokens of `data[start:stop]` to `out`, each between single spaces; returns the length.

    `out` needs `2 * (stop - start) + 2` bytes. No tokens give one space.
    """
    n = 1
    out[0] = c.SPACE
    inside = c.SEPARATOR  # the kind of the token being written
    at = start
    while at < stop:
        byte = int(data[at])
        if byte == 39:  # apostrophe
            at += 1
            continue
        width = 1
        kind = c.WORD
        if byte >= 0xC2:
            second = int(data[at + 1]) if at + 1 < stop else 0
            if byte == 0xC3 and 0x80 <= second <= 0x9E and second != 0x97:  # À to Þ but ×
                if inside != c.WORD and inside != c.SEPARATOR:
                    out[n] = c.SPACE
                    n += 1
                inside = c.WORD
                out[n] = byte
                out[n + 1] = second + 32
                n += 2
                at += 2
                continue
            if byte == 0xC2 and 0x80 <= second <= 0xBF:  # Latin-1 punctuation and controls
                kind = c.SEPARATOR
                width = 2
            elif byte == 0xE2:
                third = int(data[at + 2]) if at + 2 < stop else 0
                if second == 0x80 and (third == 0x98 or third == 0x99):  # ‘ and ’
                    at += 3
                    continue
                if second == 0x80 and third == 0x8D:  # joiner
                    at += 3
                    continue
                if 0x80 <= second <= 0xBF and 0x80 <= third <= 0xBF:
                    kind = c.SEPARATOR if second == 0x80 else c.SYMBOL  # dashes, quotes, ellipsis; ☺ ♥ ✈
                    width = 3
            elif byte == 0xEF and second == 0xB8 and at + 2 < stop and data[at + 2] == 0x8F:  # variation selector
                at += 3
                continue
            elif byte >= 0xF0 and at + 3 < stop:
                if byte == 0xF0 and second == 0x9F and data[at + 2] == 0x8F and data[at + 3] >= 0xBB:  # skin tone
                    at += 4
                    continue
                kind = c.SYMBOL
                width = 4
        elif byte < 128:
            if 65 <= byte <= 90:
                byte += 32
            elif 48 <= byte <= 57:
                byte = 48
            kind = kind_of(byte)
            if byte == 64 and at + 1 < stop and _is_handle(int(data[at + 1])):
                kind = c.MENTION + 8
            elif byte == 38:
                entity = _entity(data, at, stop)
                if entity > 0:
                    if entity == 4:
                        byte = 60 if data[at + 1] == 108 else 62
                    width = entity
            elif inside != c.WORD and (byte == 104 or byte == 119) and _is_url(data, at, stop):
                kind = c.URL + 8
        if kind > 8:
            if inside != c.SEPARATOR:
                out[n] = c.SPACE
                n += 1
            out[n] = kind - 8
            out[n + 1] = c.SPACE
            n += 2
            at += 1
            if kind == c.URL + 8:
                while at < stop and data[at] > c.SPACE and data[at] != 127:
                    at += 1
            else:
                while at < stop and _is_handle(int(data[at])):
                    at += 1
            inside = c.SEPARATOR
            continue
        if kind == c.SEPARATOR:
            if inside != c.SEPARATOR:
                out[n] = c.SPACE
                n += 1
            inside = c.SEPARATOR
            at += width
            continue
        if inside != c.SEPARATOR and (kind != inside or kind == c.SYMBOL):
            out[n] = c.SPACE
            n += 1
        elif byte < 128 and out[n - 1] == byte and n > 1 and out[n - 2] == byte:
            at += width
            continue
        inside = kind
        out[n] = byte
        n += 1
        if byte >= 128:
            for further in range(1, width):
                out[n] = data[at + further]
                n += 1
        at += width
    if inside != c.SEPARATOR:
        out[n] = c.SPACE
        n += 1
    return n


@compiled
def _ends_reach(lead: int, h: int) -> bool:
    """Whether a token, by its first byte and hash, ends what a negator before it negates."""
    mark = lead == 33 or lead == 44 or lead == 46 or lead == 58 or lead == 59 or lead == 63  # ! , . : ; ?
    return bool(mark or h == c.BUT or h == c.MAIS)


@compiled
def _negates(h: int, pair: int, negators: Array, shift: int) -> bool:
    """Whether a word, or it and the one before it, is among the negators."""
    one = negators[((h * c.GOLDEN) & c.MASK32) >> shift]
    return bool(one == h or negators[((pair * c.GOLDEN) & c.MASK32) >> shift] == pair)


@compiled
def word_hashes(  # noqa: C901, one walk
    text: Array, length: int, longest: int, negators: Array, reach: int, scratch: Array, out: Array
) -> tuple[int, int]:
    """Hashes of the word 1- to `longest`-grams (at most 3) of a cleaned text.

    Begin and end of the text are words of those of several words. The `reach` words behind a negator, up to a mark or
    "but", are other words than elsewhere (Pang, Lee and Vaithyanathan 2002; Mohammad et al. 2013, arXiv:1308.6242), and
    so are the byte n-grams that begin in them; n-grams of several words are not, since the negator can be in them.

    Args:
        negators: (2**bits,) of `constants.negator_table`. reach: 0 for none.
        scratch: (2, length at least) uint32, to be filled: where the byte n-grams start from, by place; the negated
            words as they are elsewhere.
        out: uint32, room for `3 * length`.

    Returns:
        `(hashes, negated words)`, how many.
    """
    n, n_negated, left, first = 0, 0, 0, 1
    before, pair, pair_before, h = c.BEGIN, 0, 0, c.FNV_OFFSET
    shift = 32
    while 1 << (32 - shift) < len(negators):
        shift -= 1
    for at in range(length):
        scratch[0, at] = c.FNV_OFFSET
    for at in range(1, length + 1):
        if at < length:
            byte = int(text[at])
            if byte != c.SPACE:
                h = ((h ^ byte) * c.FNV_PRIME) & c.MASK32
                continue
        else:
            h = c.END
        pair = (before * c.BEFORE + h) & c.MASK32
        if at < length:
            lead = int(text[first])
            if left > 0 and _ends_reach(lead, h):
                left = 0
            if left > 0 and lead > c.MENTION:
                left -= 1
                scratch[1, n_negated] = h
                n_negated += 1
                out[n] = ((h * c.BEFORE) & c.MASK32) ^ c.NEGATED
                for place in range(first - 1, at):
                    scratch[0, place] = c.NEGATED_SEED
            else:
                out[n] = h
            n += 1
            if reach > 0 and _negates(h, pair, negators, shift):
                left = reach
        if longest >= 2:
            out[n] = pair ^ c.PAIR
            n += 1
            if longest >= 3 and first > 1:
                out[n] = ((pair_before * c.BEFORE + h) & c.MASK32) ^ c.TRIPLE
                n += 1
            pair_before = pair
        before = h
        first = at + 1
        h = c.FNV_OFFSET
    _spread(out, n)
    _spread(scratch[1], n_negated)
    return n, n_negated


@compiled
def char_hashes(text: Array, length: int, shortest: int, longest: int, grams: Array, out: Array) -> int:
    """Hashes of the byte n-grams of a cleaned text, its spaces included, the shortest first; returns how many.

    A byte is added to all n-grams at once, in 32 bits, so that the processor does eight of them in one step.

    Args:
        grams: uint32, `length` at least: what each starts from, as `word_hashes` leaves it; changed.
        out: uint32, room for `(longest - shortest + 1) * length`.
    """
    n = 0
    for size in range(1, min(longest, length) + 1):
        count = length - size + 1
        for at in range(count):
            grams[at] = np.uint32(np.uint32(grams[at] ^ np.uint32(text[at + size - 1])) * np.uint32(c.FNV_PRIME))
        if size >= shortest:
            for at in range(count):
                out[n + at] = np.uint32(grams[at] * np.uint32(c.GOLDEN))
            n += count
    return n


@compiled
def _copy_by_place(found: Array, length: int, shortest: int, longest: int, out: NDArray[np.uint32], first: int) -> None:
    """Copy what `char_hashes` found to `out[first:]`, ordered by where the n-grams begin."""
    n = first
    for at in range(length):
        row = at
        for size in range(shortest, min(longest, length - at) + 1):
            out[n] = found[row]
            n += 1
            row += length - size + 1


@compiled
def hash_all(
    data: Array, offsets: Array, longest_word: int, shortest_char: int, longest_char: int, negators: Array, reach: int
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The hashes of many texts in the order of the text, for training.

    Returns `(hashes, bounds)`: the words of text i are `hashes[bounds[2 * i]:bounds[2 * i + 1]]`, its byte n-grams
    `hashes[bounds[2 * i + 1]:bounds[2 * i + 2]]`. No byte n-grams when `longest_char` is 0.
    """
    texts = len(offsets) - 1
    longest = 0
    for i in range(texts):
        longest = max(longest, offsets[i + 1] - offsets[i])
    text = np.empty(2 * longest + 2, np.uint8)
    scratch = np.empty((2, len(text)), np.uint32)
    found = np.empty(len(text) * max(3, longest_char - shortest_char + 1), np.uint32)
    bounds = np.zeros(2 * texts + 1, np.int64)
    hashes = np.empty(max(1024, 4 * len(data)), np.uint32)
    n = 0
    for i in range(texts):
        length = clean(data, offsets[i], offsets[i + 1], text)
        for part in range(2):
            count = 0
            if part == 0:
                count, _ = word_hashes(text, length, longest_word, negators, reach, scratch, found)
            elif longest_char > 0:
                count = char_hashes(text, length, shortest_char, longest_char, scratch[0], found)
            if n + count > len(hashes):
                larger = np.empty(2 * len(hashes) + count, np.uint32)
                larger[:n] = hashes[:n]
                hashes = larger
            if part == 0:
                for j in range(count):
                    hashes[n + j] = found[j]
            elif longest_char > 0:
                _copy_by_place(found, length, shortest_char, longest_char, hashes, n)
            n += count
            bounds[2 * i + part + 1] = n
    return hashes[:n].copy(), bounds


@compiled
def _add_rows(table: Array, found: Array, count: int, shift: int, out: Array, row: int, column: int) -> None:
    """Add up `count` rows of four small numbers each, two at a time in the halves of one register."""
    for start in range(0, count, 256):  # 256 times 255 still fits into 16 bits
        even = 0
        odd = 0
        stop = min(start + 256, count)
        for j in range(start, stop):
            four = int(table[found[j] >> shift])
            even += four & 0x00FF00FF
            odd += (four >> 8) & 0x00FF00FF
        bias = 128 * (stop - start)
        out[row, column] += (even & 0xFFFF) - bias
        out[row, column + 1] += (odd & 0xFFFF) - bias
        out[row, column + 2] += (even >> 16) - bias
        out[row, column + 3] += (odd >> 16) - bias
    out[row, column + 4] = count


@compiled
def score_all(
    data: Array, offsets: Array, plan: Array, negators: Array, polarity: Array, words: Array, chars: Array, out: Array
) -> None:
    """Sums of quantised weights of many texts: whole numbers, so that every implementation agrees exactly.

    Args:
        plan: whole numbers: longest word n-gram of the polarity, of the head; shortest, longest byte n-gram; bits of
            the three tables; reach of a negator.
        polarity: (2**bits,) int8. words, chars: (2**bits,) uint32, as `weights.pack` makes them.
        out: (n, 17) int64 zeros, to be filled: polarity sum, sum above zero, largest, smallest, features; four word
            sums, word features; four byte n-gram sums, byte n-gram features; the polarity's sums of negated words,
            above and below zero.
    """
    longest = 0
    texts = len(offsets) - 1
    for i in range(texts):
        longest = max(longest, offsets[i + 1] - offsets[i])
    text = np.empty(2 * longest + 2, np.uint8)
    scratch = np.empty((2, len(text)), np.uint32)
    found = np.empty(len(text) * max(3, plan[3] - plan[2] + 1), np.uint32)
    shift_polarity = 32 - plan[4]
    shift_words = 32 - plan[5]
    shift_chars = 32 - plan[6]
    for i in range(texts):
        length = clean(data, offsets[i], offsets[i + 1], text)
        count, negated = word_hashes(text, length, plan[0], negators, plan[7], scratch, found)
        total = 0
        above = 0
        largest = 0
        smallest = 0
        for j in range(count):
            weight = int(polarity[found[j] >> shift_polarity])
            total += weight
            above += max(weight, 0)
            largest = max(largest, weight)
            smallest = min(smallest, weight)
        out[i, 0] = total
        out[i, 1] = above
        out[i, 2] = largest
        out[i, 3] = smallest
        out[i, 4] = count
        for j in range(negated):
            weight = int(polarity[scratch[1, j] >> shift_polarity])
            out[i, 15] += max(weight, 0)
            out[i, 16] += min(weight, 0)
        if plan[1] != plan[0]:
            count, _ = word_hashes(text, length, plan[1], negators, plan[7], scratch, found)
        _add_rows(words, found, count, shift_words, out, i, 5)
        if plan[3] > 0:
            count = char_hashes(text, length, plan[2], plan[3], scratch[0], found)
            _add_rows(chars, found, count, shift_chars, out, i, 10)


@compiled
def lane_sums(
    data: Array, offsets: Array, rows: Array, longest: int, negators: Array, table: Array, out: Array
) -> None:
    """Sums of small weights over the word n-grams of some texts, eight columns at once.

    Args:
        rows: numbers of the texts.
        longest: word n-gram. table: (2**bits,) uint64, eight weights each, raised by 128, the first in the lowest byte.
        out: (len(rows), 9) int64 zeros, to be filled: eight sums, n-grams.
    """
    most = 0
    for row in rows:
        most = max(most, offsets[row + 1] - offsets[row])
    text = np.empty(2 * most + 2, np.uint8)
    scratch = np.empty((2, len(text)), np.uint32)
    found = np.empty(3 * len(text), np.uint32)
    shift = 32
    while 1 << (32 - shift) < len(table):
        shift -= 1
    for i in range(len(rows)):
        length = clean(data, offsets[rows[i]], offsets[rows[i] + 1], text)
        count, _ = word_hashes(text, length, longest, negators, 0, scratch, found)
        for start in range(0, count, 256):  # 256 times 255 still fits into 16 bits
            even = np.uint64(0)
            odd = np.uint64(0)
            stop = min(start + 256, count)
            for j in range(start, stop):
                eight = table[found[j] >> shift]
                even += eight & np.uint64(0x00FF00FF00FF00FF)
                odd += (eight >> np.uint64(8)) & np.uint64(0x00FF00FF00FF00FF)
            for lane in range(4):
                by = np.uint64(16 * lane)
                out[i, 2 * lane] += int((even >> by) & np.uint64(0xFFFF)) - 128 * (stop - start)
                out[i, 2 * lane + 1] += int((odd >> by) & np.uint64(0xFFFF)) - 128 * (stop - start)
        out[i, 8] = count
