"""What is felt about each theme of a text, where that is not what is felt in the whole text.

A text is cut into clauses: before words of contrast ("but", "mais"), and between the terms of two different themes at
the strongest sign there (the end of a sentence, a semicolon, a comma, "and"). Each clause with a theme in it is scored
like a text. Where nothing cuts, the theme has the sentiment of the whole text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.text.batch import TextBatch
from models.text.matching import Found
from models.themes.clause_kernel import CONTRAST, JOIN, cut_clauses, differing, write_clauses

CONTRASTS: Final = (
    "but", "however", "though", "although", "even though", "yet", "while", "whereas", "despite", "in spite of",
    "unfortunately", "sadly", "luckily", "thankfully", "fortunately", "too bad", "shame", "at least",
    "on the other hand", "even if", "except", "mais", "cependant", "pourtant", "malheureusement",
    "heureusement", "malgré", "même si", "par contre", "en revanche", "alors que", "tandis que", "sauf",
)  # fmt: skip
JOINS: Final = ("and", "et")
CONNECTIVES: Final = (*CONTRASTS, *JOINS)
_NEUTRAL: Final = 0.1
_OWN: Final = 1.2


class ThemeSentiments:
    """Judges themes by the clauses that they are in; thread-safe.

    Args:
        numbers: of the terms that texts are searched for, by the term (`Matcher.numbers`).
        themes: which themes each term stands for, by the number of the term.
    """

    def __init__(self, numbers: dict[str, int], themes: Sequence[Sequence[int]]) -> None:
        self._kinds = np.zeros(len(themes), np.uint8)
        self._kinds[[numbers[word] for word in CONTRASTS]] = CONTRAST
        self._kinds[[numbers[word] for word in JOINS]] = JOIN
        self._bounds = np.zeros(len(themes) + 1, np.int64)
        np.cumsum([len(some) for some in themes], out=self._bounds[1:])
        self._themes = np.array(list(chain.from_iterable(themes)), np.int64)

    def differing(
        self,
        found: Found,
        of_texts: NDArray[np.float32],
        score: Callable[[TextBatch], NDArray[np.float32]],
    ) -> Iterator[tuple[int, int, int]]:
        """Text, theme and place among SENTIMENTS, for each theme about which something else is felt than the text says.

        Args:
            found: in the texts.
            of_texts: their probabilities, (n, 3).
            score: gives the probabilities of clauses.

        Raises:
            Exception: whatever `score` raises.
        """
        pairs, clauses = cut_clauses(
            found.points,
            found.starts,
            found.rows,
            found.terms,
            found.places,
            self._kinds,
            self._bounds,
            self._themes,
        )
        if not len(pairs):
            return iter(())
        of_clauses = score(TextBatch(*write_clauses(found.points, clauses)))
        return map(tuple, differing(pairs, of_clauses, of_texts, _NEUTRAL, _OWN).tolist())
