"""Which words texts have, and how far two bodies of texts are apart: are tweets of a kind that a model knows?

A profile counts, for each of 4,096 buckets of hashed words, in how many texts one of its words occurs. The distance of
two is a chi-square distance of these shares, less what chance alone would make of it, so that few texts are as far from
many of their kind as many are: not at all.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

BUCKETS: Final = 4096
_LEAST: Final = 0.002
"""Added to a bucket's share: what is rarer than one text in five hundred says little."""
_WORDS: Final = re.compile(r"[^\W\d_]+")


@dataclass
class WordProfile:
    """Of some texts."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))
    """(4096,): texts with a word of this bucket."""
    texts: int = 0

    @classmethod
    def of(cls, texts: Iterable[str]) -> WordProfile:
        """Of masked texts."""
        profile = cls()
        for text in texts:
            profile.add(text)
        return profile

    def add(self, text: str) -> None:
        """Count another text, masked."""
        words = set(_WORDS.findall(text.lower()))
        found = {zlib.crc32(word.encode("utf-8", "surrogatepass")) % BUCKETS for word in words}
        self.counts[list(found)] += 1
        self.texts += 1

    def __add__(self, other: WordProfile) -> WordProfile:
        return WordProfile(self.counts + other.counts, self.texts + other.texts)

    def distance(self, other: WordProfile) -> float:
        """0 for texts of one kind, whatever their number; by chance it may be a little below. NaN for fewer than two
        texts."""
        if min(self.texts, other.texts) < 2:
            return float("nan")
        one, two = self.counts / self.texts, other.counts / other.texts
        chance = one * (1 - one) / (self.texts - 1) + two * (1 - two) / (other.texts - 1)
        return float((((one - two) ** 2 - chance) / ((one + two) / 2 + _LEAST)).sum())
