"""The compiled walk from found terms to clauses, and from the clauses' probabilities to a sentiment for each theme."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from models.base.jit import compiled

CONTRAST: Final = 1
"""A word that begins a clause of its own: but, however, mais."""
JOIN: Final = 2
"""A word between two clauses when nothing stronger is there: and, et."""
NONE: Final = -1
MOST_CUTS: Final = 32
MOST_PAIRS: Final = 64
"""Clauses and pairs of theme and clause that are looked at in one text: who repeats a theme for ever costs no more."""

_SPACE: Final = 32
_COMMA: Final = 44
# How well a sign parts what is said about one theme from what is said about the next.
_BY_WORD: Final = 1
_BY_COMMA: Final = 2
_BY_SIGN: Final = 3
_BY_SENTENCE: Final = 4


@compiled
def _ends(points: Any, at: int, stop: int) -> bool:
    """Whether white space or the next theme follows, so that a dot is no decimal point or part of an address."""
    return bool(at + 1 >= stop or points[at + 1] <= _SPACE)


@compiled
def _is_picture(point: int) -> bool:
    """Whether a code point is an emoji or the like."""
    return 0x1F000 <= point < 0x20000 or 0x2600 <= point < 0x27C0


@compiled
def _strength(points: Any, at: int, stop: int) -> int:
    """How strongly the character at `at` parts, 0 for not at all."""
    point = int(points[at])
    if point == 10 or point == 0x2026:  # line break, ellipsis
        return _BY_SENTENCE
    if point == 33 or point == 63 or point == 46:  # ! ? .
        return _BY_SENTENCE if _ends(points, at, stop) else 0
    if point == 59 or point == 58 or point == 41 or point == 40:  # ; : ) and ( as in :(
        return _BY_SIGN if _ends(points, at, stop) else 0
    if point == 45:  # a dash, not a hyphen
        return _BY_SIGN if _ends(points, at, stop) and points[at - 1] <= _SPACE else 0
    if point == _COMMA:
        return _BY_COMMA if at + 1 >= stop or not 48 <= points[at + 1] <= 57 else 0
    if _is_picture(point):
        return _BY_COMMA if at + 1 >= stop or not _is_picture(int(points[at + 1])) else 0
    return 0


@compiled
def _best_cut(points: Any, start: int, stop: int, join: int) -> int:
    """Where to part two themes that begin at `start` and `stop`: the last of the strongest signs between them.

    Args:
        join: place of the last joining word between them, NONE without one.

    Returns:
        NONE where nothing parts them.
    """
    best, strongest = NONE, 0
    if join > start:
        best, strongest = join, _BY_WORD
        if points[join - 1] <= _SPACE and points[join - 2] == _COMMA:
            strongest = _BY_SIGN
    for at in range(start + 1, stop):
        strength = _strength(points, at, stop)
        if strength and strength >= strongest:
            best, strongest = at + 1, strength
    return best


@compiled
def _share_a_theme(one: int, other: int, bounds: Any, themes: Any) -> bool:
    """Whether two terms stand for one theme."""
    for i in range(bounds[one], bounds[one + 1]):
        for j in range(bounds[other], bounds[other + 1]):
            if themes[i] == themes[j]:
                return True
    return False


@compiled
def _cuts(points: Any, start: int, hits: Any, first: int, stop: int, tables: Any, cuts: Any) -> int:
    """Where the clauses of one text begin, but for the first; returns how many, NONE when no theme is there.

    Args:
        start: of the text. hits: terms and places; those of the text are `first` to `stop`.
        cuts: out, (MOST_CUTS,), ascending.
    """
    terms, places = hits
    kinds, bounds, themes = tables
    count, before, join = 0, NONE, NONE
    for hit in range(first, stop):
        term, at = terms[hit], places[hit]
        if kinds[term] == JOIN:
            join = at
        has_theme = bounds[term] < bounds[term + 1]
        cut = NONE
        if kinds[term] == CONTRAST:
            cut = at
        elif (
            has_theme
            and before != NONE
            and (count == 0 or cuts[count - 1] <= places[before])
            and not _share_a_theme(terms[before], term, bounds, themes)
        ):
            cut = _best_cut(points, places[before], at, join)
        if cut > start and count < MOST_CUTS and (count == 0 or cut > cuts[count - 1]):
            cuts[count] = cut
            count += 1
        if has_theme:
            before = hit
    return NONE if before == NONE else count


@compiled
def cut_clauses(
    points: Any, starts: Any, rows: Any, terms: Any, places: Any, kinds: Any, bounds: Any, themes: Any
) -> Any:
    """The clauses that themes are in, of texts that have several clauses.

    Args:
        points, starts, rows, terms, places: as of `models.text.matching.Found`.
        kinds: by number of the term: CONTRAST, JOIN or 0.
        bounds, themes: term i stands for the themes `themes[bounds[i] : bounds[i + 1]]`.

    Returns:
        Pairs (m, 3): text, theme, number of the clause; those of one text in a row. And the clauses (k, 2): from
        where to where in `points`.
    """
    hits = len(rows)
    room = 0
    for hit in range(hits):
        room += bounds[terms[hit] + 1] - bounds[terms[hit]]
    pairs = np.empty((room, 3), np.int32)
    clauses = np.empty((room, 2), np.int64)
    cuts = np.empty(MOST_CUTS, np.int64)
    number = np.empty(MOST_CUTS + 1, np.int64)
    n, n_clauses = 0, 0
    first: Any = np.int64(0)  # a bare 0 would have numba compile `_cuts` once more, for the constant
    while first < hits:
        row = rows[first]
        stop = first
        while stop < hits and rows[stop] == row:
            stop += 1
        count = _cuts(points, starts[row], (terms, places), first, stop, (kinds, bounds, themes), cuts)
        if count > 0:
            number[: count + 1] = NONE
            clause, mine = 0, n
            for hit in range(first, stop):
                while clause < count and cuts[clause] <= places[hit]:
                    clause += 1
                for i in range(bounds[terms[hit]], bounds[terms[hit] + 1]):
                    is_new = n - mine < MOST_PAIRS
                    for pair in range(mine, n):
                        is_new = is_new and not (pairs[pair, 1] == themes[i] and pairs[pair, 2] == number[clause])
                    if not is_new:
                        continue
                    if number[clause] == NONE:
                        number[clause] = n_clauses
                        clauses[n_clauses, 0] = starts[row] if clause == 0 else cuts[clause - 1]
                        clauses[n_clauses, 1] = starts[row + 1] - 1 if clause == count else cuts[clause]
                        n_clauses += 1
                    pairs[n, 0] = row
                    pairs[n, 1] = themes[i]
                    pairs[n, 2] = number[clause]
                    n += 1
        first = stop
    return pairs[:n], clauses[:n_clauses]


@compiled
def write_clauses(points: Any, clauses: Any) -> Any:
    """The clauses as bytes and bounds of `models.text.batch.TextBatch`."""
    total = 0
    for i in range(len(clauses)):
        total += 4 * (clauses[i, 1] - clauses[i, 0]) + 1
    data = np.empty(total, np.uint8)
    bounds = np.zeros(len(clauses) + 1, np.int64)
    n = 0
    for i in range(len(clauses)):
        for at in range(clauses[i, 0], clauses[i, 1]):
            point = int(points[at])
            if point < 0x80:
                data[n] = point
                n += 1
            elif point < 0x800:
                data[n] = 0xC0 | point >> 6
                data[n + 1] = 0x80 | point & 63
                n += 2
            elif point < 0x10000:
                data[n] = 0xE0 | point >> 12
                data[n + 1] = 0x80 | point >> 6 & 63
                data[n + 2] = 0x80 | point & 63
                n += 3
            else:
                data[n] = 0xF0 | point >> 18
                data[n + 1] = 0x80 | point >> 12 & 63
                data[n + 2] = 0x80 | point >> 6 & 63
                data[n + 3] = 0x80 | point & 63
                n += 4
        data[n] = 0
        n += 1
        bounds[i + 1] = n
    return data[:n], bounds


@compiled
def _best(one: float, two: float, three: float) -> int:
    """Place of the largest, the first of equals."""
    if one >= two and one >= three:
        return 0
    return 1 if two >= three else 2


@compiled
def differing(pairs: Any, of_clauses: Any, of_texts: Any, neutral: float, own_weight: float) -> Any:
    """Themes about which something else is felt than the whole text says.

    Args:
        pairs: of `cut_clauses`.
        of_clauses, of_texts: probabilities, columns in the order of `SENTIMENTS`. A theme in several clauses has their
            mean.
        neutral: what the probability of neutral is multiplied with where the whole text is not neutral: a text that
            takes sides mostly does so in each of its clauses, and a short clause tells little.
        own_weight: what the probability of the whole text's sentiment is multiplied with, in doubt for it.

    Returns:
        (m, 3): text, theme, place among SENTIMENTS.
    """
    found = np.empty((len(pairs), 3), np.int64)
    n, first = 0, 0
    while first < len(pairs):
        row = pairs[first, 0]
        stop = first
        while stop < len(pairs) and pairs[stop, 0] == row:
            stop += 1
        own = _best(of_texts[row, 0], of_texts[row, 1], of_texts[row, 2])
        weight = neutral if own != 1 else 1.0
        for pair in range(first, stop):
            theme = pairs[pair, 1]
            is_first = True
            for earlier in range(first, pair):
                is_first = is_first and pairs[earlier, 1] != theme
            if not is_first:
                continue
            negative, middle, positive = 0.0, 0.0, 0.0
            for other in range(pair, stop):
                if pairs[other, 1] == theme:
                    clause = pairs[other, 2]
                    negative += of_clauses[clause, 0]
                    middle += of_clauses[clause, 1]
                    positive += of_clauses[clause, 2]
            negative *= own_weight if own == 0 else 1.0
            middle *= own_weight if own == 1 else weight
            positive *= own_weight if own == 2 else 1.0
            label = _best(negative, middle, positive)
            if label != own:
                found[n, 0] = row
                found[n, 1] = theme
                found[n, 2] = label
                n += 1
        first = stop
    return found[:n]
