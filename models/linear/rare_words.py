"""Words that a hashed model has hardly seen, told by its own table.

The polarity is learnt from millions of tweets, and what none or few of them had has no weight: a bucket that is zero.
The table serves as a filter of the words that were seen, which is wrong now and then. In the shipped model 5 % of the
words that occur five times in 60,000 tweets with emoticons look unseen, and 55 % of invented ones do: one word says
little, several in one text do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.sentiment import SentimentModel
from models.linear.constants import MASK32, fnv
from models.linear.model import HashedModel
from models.linear.tokens import tokens

_FEWEST: Final = 3
_SHARE: Final = 0.3
"""So many words must look unseen, and such a share."""
_FULL: Final = 0.9
_EMPTY: Final = 0.01
"""A table that is as good as full or empty says nothing."""


class RareWords:
    """Finds texts with words that a model has hardly seen.

    Args:
        model: a linear one, or a cascade, whose tier `linear` is looked at.
    """

    def __init__(self, model: SentimentModel) -> None:
        linear: Any = getattr(model, "linear", model)
        self._table: NDArray[np.int8] | None = linear.weights.polarity if isinstance(linear, HashedModel) else None
        if self._table is not None:
            used = float((self._table != 0).mean())
            self._table = self._table if _EMPTY < used < _FULL else None
            self._shift = 32 - linear.weights.polarity_bits

    @property
    def can_tell(self) -> bool:
        """The model has a table that says something."""
        return self._table is not None

    def of(self, text: str) -> list[str]:
        """The words that look unseen, where they are enough to say so; else none. About ten microseconds."""
        words, found = self._looked_up(text)
        if len(found) < max(_FEWEST, _SHARE * len(words)):
            return []
        return [word.decode("utf-8", "replace") for word in found]

    def count(self, text: str) -> tuple[int, int]:
        """How many different words a text has, and how many of them look unseen; none where nobody can tell."""
        words, found = self._looked_up(text)
        return len(words), len(found)

    def _looked_up(self, text: str) -> tuple[list[bytes], list[bytes]]:
        if self._table is None:
            return [], []
        words = [word for word in dict.fromkeys(tokens(text.encode("utf-8", "surrogatepass"))) if word[:1].isalpha()]
        return words, [word for word in words if self._table[_spread(fnv(word)) >> self._shift] == 0]


def unseen_shares(model: SentimentModel, texts: Sequence[str], source: Sequence[str]) -> dict[str, float]:
    """Data set → share of its texts' words that the model has hardly seen; empty where the model cannot tell.

    Args:
        texts: n, masked. source: n, the data set of each text.
    """
    rare = RareWords(model)
    counts: dict[str, tuple[int, int]] = {}
    for text, name in zip(texts, source, strict=True):
        words, unseen = rare.count(text)
        before = counts.get(name, (0, 0))
        counts[name] = before[0] + words, before[1] + unseen
    return {name: round(unseen / words, 4) for name, (words, unseen) in counts.items() if words}


def _spread(h: int) -> int:
    """As the kernels spread the bits of a hash."""
    h ^= h >> 16
    h = h * 0x2C1B3C6D & MASK32
    h ^= h >> 13
    h = h * 0x297A2D39 & MASK32
    return h ^ (h >> 15)
