"""Which topics (watches, themes) a text is about: one search for all terms of all topics over a whole batch.

A term matches whole words, whatever their case, accents kept; several words match with any white space between.
A plain word also matches inside a mention or a tag of exactly that word (`delay` matches `#delay`); `@name` and
`#tag` match only those. Terms and texts are compared in one normal form (`models.text.normal_form`).

Words end where Unicode says (UAX 29): a mark, such as a vowel sign of Hindi, belongs to the letter before it, and
scripts without spaces have a boundary between any two characters. An apostrophe ends a word, as French needs it
(`l'avion`). A zero-width space parts words or does not, whichever matches. An emoji made of several (a family, a flag)
is one: none of its parts is found in it.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Collection, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.rules.schema import Topic
from models.text.matching_kernel import (
    BEGINS,
    BOUNDED,
    JOINED,
    WORD,
    ZERO_WIDTH_SPACE,
    classes,
    code_points,
    find_terms,
    folds,
    gather,
    key_of,
    slot_of,
)
from models.text.normal_form import normal, normal_form

_SEPARATOR = "\0"
_MOST_KEPT = 10_000
_BITS = 64


class Found(NamedTuple):
    """What is in the texts of a batch, and where."""

    bits: list[int]
    """Of each text: bit i is set when it is about topic i."""
    points: NDArray[np.uint32]
    """Code points of the texts in their normal form, a separator between two."""
    starts: NDArray[np.int64]
    """(n + 1,): text i is `points[starts[i] : starts[i + 1] - 1]`."""
    rows: NDArray[np.int32]
    """(m,): number of the text, for each term found, in the order of the texts and of the places in them."""
    terms: NDArray[np.int32]
    """(m,): number of the term."""
    places: NDArray[np.int32]
    """(m,): where in `points` it begins."""


class Matcher:
    """Finds topics by their terms; thread-safe.

    Args:
        topics: what the terms stand for.
        words: more terms to look for, which stand for no topic; only `find` has them.
    """

    def __init__(self, topics: Sequence[Topic], words: Sequence[str] = ()) -> None:
        self._names = [topic.name for topic in topics]
        owners: dict[str, int] = {}
        for index, topic in enumerate(topics):
            for term in itertools.chain.from_iterable(map(_variants, topic.match)):
                if term and _SEPARATOR not in term:
                    owners[term] = owners.get(term, 0) | 1 << index
        for word in words:
            owners.setdefault(_folded(normal(word)), 0)
        self.numbers = {term: number for number, term in enumerate(owners)}
        """Of the terms, as they are looked for."""
        self._owners = list(owners.values())
        self._packed = np.array(self._owners, np.uint64) if len(topics) <= _BITS else None
        self._kinds = classes().copy()
        for first in {term[0] for term in owners}:
            # An emoji needs no white space before it, a word, a mention and a tag do.
            bounded = BOUNDED if self._kinds[ord(first)] & WORD or first in "@#" else 0
            self._kinds[ord(first)] |= BEGINS | JOINED | bounded
        self._keys, self._nodes, self._ends = _tree(owners)
        self._lists: dict[int, list[str]] = {}
        self.find_batch([""])  # compiles, once per machine

    def match(self, text: str) -> list[str]:
        """Names of the topics `text` is about, in the order of the topics, each once."""
        return self.match_batch([text])[0]

    def match_batch(self, texts: Sequence[str]) -> list[list[str]]:
        """The same for each text, in one search over all of them."""
        return [self._listed(bits) for bits in self.find_batch(texts)]

    def find_batch(self, texts: Sequence[str]) -> list[int]:
        """The same as one integer per text: bit i is set when the text is about topic i."""
        return self.find(texts).bits

    def topics_of(self) -> list[int]:
        """Bits of the topics that each term stands for, by its number."""
        return self._owners.copy()

    def find(self, texts: Sequence[str]) -> Found:
        """The same, and where each term stands. What is found across a zero-width space has no place."""
        batch = normal_form(texts)
        points, has_zero_width = code_points(batch.data, batch.bounds)
        found = self._find(points, len(batch))
        if has_zero_width:
            without = self._find(points[points != ZERO_WIDTH_SPACE], len(batch))
            return found._replace(bits=[one | other for one, other in zip(found.bits, without.bits, strict=True)])
        return found

    def _find(self, points: NDArray[np.uint32], texts: int) -> Found:
        room = 6 * texts + 16
        starts = np.empty(texts + 2, np.int64)
        tree = self._keys, self._nodes, self._ends
        while True:
            rows, terms, places = np.empty((3, room), np.int32)
            count = find_terms(points, folds(), self._kinds, *tree, starts, rows, terms, places)
            if count <= room:
                break
            room = count
        found = Found([], points, starts[: texts + 1], rows[:count], terms[:count], places[:count])
        if self._packed is not None:
            packed = np.zeros(texts, np.uint64)
            gather(rows, terms, count, self._packed, packed)
            return found._replace(bits=packed.tolist())
        bits = [0] * texts
        owners = self._owners
        for row, term in zip(found.rows.tolist(), found.terms.tolist(), strict=True):
            bits[row] |= owners[term]
        return found._replace(bits=bits)

    def _listed(self, bits: int) -> list[str]:
        names = self._lists.get(bits)
        if names is None:
            names = [name for index, name in enumerate(self._names) if bits >> index & 1]
            if len(self._lists) < _MOST_KEPT:  # combinations seen in a stream are few, hostile ones are not
                self._lists[bits] = names
        return names.copy()


def _variants(term: str) -> list[str]:
    """The term as it is looked for: without case, in normal form; twice where a zero-width space may part words."""
    zero_width = chr(ZERO_WIDTH_SPACE)
    plain = normal(unicodedata.normalize("NFC", term))
    return [_folded(plain.replace(zero_width, between)) for between in ((" ", "") if zero_width in plain else ("",))]


def _folded(term: str) -> str:
    fold = folds()
    folded = "".join(chr(fold[ord(character)]) for character in unicodedata.normalize("NFC", term))
    return " ".join(folded.split())


def _tree(terms: Collection[str]) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int32]]:
    """`keys`, `nodes` and `ends` of `find_terms`, terms numbered in their order."""
    size = 1 << (4 * sum(map(len, terms)) + 1).bit_length()  # at most a quarter full
    keys = np.zeros(size, np.int64)
    nodes = np.zeros(size, np.int32)
    ends: list[int] = [-1]
    for number, term in enumerate(terms):
        node = 0
        for character in term:
            slot = slot_of(node, ord(character), keys)
            if keys[slot] == 0:
                keys[slot] = key_of(node, ord(character))
                nodes[slot] = len(ends)
                ends.append(-1)
            node = int(nodes[slot])
        ends[node] = number
    return keys, nodes, np.array(ends, np.int32)
