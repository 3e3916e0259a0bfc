"""Which topics (watches, themes) a text is about: one search for all terms of all topics over a whole batch.

A term matches whole words, whatever their case, accents kept; several words match with any white space between.
A plain word also matches inside a mention or a tag of exactly that word (`delay` matches `#delay`); `@name` and
`#tag` match only those. Terms and texts are compared in one normal form (`models.text.normal_form`).

Words end where Unicode says (UAX 29): a mark, such as a vowel sign of Hindi, belongs to the letter before it, and
scripts without spaces have a boundary between any two characters. An apostrophe ends a word, as French needs it
(`l'avion`). A zero-width space parts words or does not, whichever matches.
"""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.rules.schema import Topic
from models.base.jit import COMPILED
from models.text.matching_kernel import (
    BEGINS,
    BOUNDED,
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


class Matcher:
    """Finds topics by their terms; thread-safe."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._names = [topic.name for topic in topics]
        owners: dict[str, int] = {}
        for index, topic in enumerate(topics):
            for term in itertools.chain.from_iterable(map(_variants, topic.match)):
                if term and _SEPARATOR not in term:
                    owners[term] = owners.get(term, 0) | 1 << index
        self._owners = list(owners.values())
        self._packed = np.array(self._owners, np.uint64) if len(topics) <= _BITS else None
        self._kinds = classes().copy()
        for first in {term[0] for term in owners}:
            # An emoji needs no white space before it, a word, a mention and a tag do.
            bounded = BOUNDED if self._kinds[ord(first)] & WORD or first in "@#" else 0
            self._kinds[ord(first)] |= BEGINS | bounded
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
        batch = normal_form(texts)
        points, has_zero_width = code_points(batch.data, batch.bounds) if COMPILED else _points(batch)
        bits = self._find(points, len(batch))
        if has_zero_width:
            without = self._find(points[points != ZERO_WIDTH_SPACE], len(batch))
            bits = [one | other for one, other in zip(bits, without, strict=True)]
        return bits

    def _find(self, points: NDArray[np.uint32], texts: int) -> list[int]:
        room = 4 * texts + 16
        while True:
            rows, found = np.empty((2, room), np.int32)
            count = find_terms(points, folds(), self._kinds, self._keys, self._nodes, self._ends, rows, found)
            if count <= room:
                break
            room = count
        if self._packed is not None and COMPILED:
            packed = np.zeros(texts, np.uint64)
            gather(rows, found, count, self._packed, packed)
            return packed.tolist()
        bits = [0] * texts
        owners = self._owners
        for row, term in zip(rows[:count].tolist(), found[:count].tolist(), strict=True):
            bits[row] |= owners[term]
        return bits

    def _listed(self, bits: int) -> list[str]:
        names = self._lists.get(bits)
        if names is None:
            names = [name for index, name in enumerate(self._names) if bits >> index & 1]
            if len(self._lists) < _MOST_KEPT:  # combinations seen in a stream are few, hostile ones are not
                self._lists[bits] = names
        return names.copy()


def _points(texts: Sequence[str]) -> tuple[NDArray[np.uint32], bool]:
    """What `code_points` gives."""
    joined = _SEPARATOR.join([text.replace(_SEPARATOR, "\1") for text in texts])
    points = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    return points, bool((points == ZERO_WIDTH_SPACE).any())


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
