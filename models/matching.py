"""Which topics (watches, themes) a text is about: one search for all terms of all topics over a whole batch.

A term matches whole words, whatever their case, accents kept; several words match with any white space between.
A plain word also matches inside a mention or a tag of exactly that word (`delay` matches `#delay`); `@name` and
`#tag` match only those.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Sequence

from contracts.rules import Topic

_SEPARATOR = "\0"
_WORD = re.compile(r"\w")
# A tree of characters; the key "" marks the end of a term.
_Tree = dict[str, "_Tree"]


class Matcher:
    """Finds topics by their terms; thread-safe."""

    def __init__(self, topics: Sequence[Topic]) -> None:
        self._names = [topic.name for topic in topics]
        owners: dict[str, int] = {}
        for index, topic in enumerate(topics):
            for term in map(_normal, topic.match):
                if term and _SEPARATOR not in term:
                    owners[term] = owners.get(term, 0) | 1 << index
        self._bits = _Bits(owners)
        self._pattern = _pattern(owners)
        self._lists: dict[int, list[str]] = {}

    def match(self, text: str) -> list[str]:
        """Names of the topics `text` is about, in the order of the topics, each once."""
        return self.match_batch([text])[0]

    def match_batch(self, texts: Sequence[str]) -> list[list[str]]:
        """The same for each text, in one search over all of them."""
        return [self._listed(bits) for bits in self.find_batch(texts)]

    def find_batch(self, texts: Sequence[str]) -> list[int]:
        """The same as one integer per text: bit i is set when the text is about topic i."""
        if not texts:
            return []
        # lower() instead of casefold(): half the time, and the same for every language that we know of but ß = SS.
        joined = _SEPARATOR.join(texts).lower()
        if joined.count(_SEPARATOR) != len(texts) - 1:
            joined = _SEPARATOR.join(text.replace(_SEPARATOR, "\1") for text in texts).lower()
        bits_of = self._bits
        found: list[int] = []
        bits = 0
        for term in self._pattern.findall(joined):
            if term:
                bits |= bits_of[term]
            else:  # the pattern's other alternative: the end of a text
                found.append(bits)
                bits = 0
        found.append(bits)
        return found

    def _listed(self, bits: int) -> list[str]:
        names = self._lists.get(bits)
        if names is None:
            names = [name for index, name in enumerate(self._names) if bits >> index & 1]
            if len(self._lists) < 10_000:  # combinations seen in a stream are few, hostile ones are not
                self._lists[bits] = names
        return names.copy()


class _Bits(dict[str, int]):
    """Topics by what was found: those of the longest term there, and of every term that it begins with."""

    def __init__(self, owners: dict[str, int]) -> None:
        super().__init__()
        for term in owners:
            self[term] = 0
            for end in range(1, len(term) + 1):
                if term[:end] in owners and _ends_well(term, end):
                    self[term] |= owners[term[:end]]

    def __missing__(self, found: str) -> int:
        return self[" ".join(found.split())]  # other white space than one blank: not kept, it has endless forms


def _ends_well(term: str, end: int) -> bool:
    inside_a_word = end < len(term) and _WORD.match(term, end) and _WORD.match(term, end - 1)
    return not inside_a_word


def _normal(term: str) -> str:
    return " ".join(unicodedata.normalize("NFC", term).lower().split())


def _pattern(terms: Collection[str]) -> re.Pattern[str]:
    """Finds the longest term at every position, and every separator as an empty term.

    The first element is a plain set, on which re skips ahead; the terms are looked at from its left edge by
    (?<=(?=...).), so that a term that begins inside another is found too.
    """
    worded: list[str] = []
    other: list[str] = []  # an emoji needs no white space before it
    for term in terms:
        (worded if _WORD.match(term) or term[0] in "@#" else other).append(term)
    if not terms:
        wanted = "((?!))"
    elif not other:
        wanted = rf"(?<!\w.)(?<=(?=({_expression(_tree(worded))})).)"
    else:
        bounded = rf"(?<!\w){_expression(_tree(worded))}" if worded else "(?!)"
        wanted = rf"(?<=(?=({bounded}|{_expression(_tree(other))})).)"
    first = "".join(sorted({re.escape(term[0]) for term in terms}))
    return re.compile(rf"[{_SEPARATOR}{first}](?:(?<={_SEPARATOR})|{wanted})", re.DOTALL)


def _tree(terms: Iterable[str]) -> _Tree:
    root: _Tree = {}
    for term in terms:
        node = root
        for character in term:
            node = node.setdefault(character, {})
        node[""] = {}
    return root


def _expression(node: _Tree, before: str = "") -> str:
    """The regular expression of a tree: shared beginnings once, the longest term first."""
    branches = [
        (r"\s++" if character == " " else re.escape(character)) + _expression(child, character)
        for character, child in node.items()
        if character
    ]
    if "" in node:
        branches.append(r"(?!\w)" if _WORD.match(before) else "")
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
