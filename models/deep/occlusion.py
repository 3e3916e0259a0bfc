"""Words that weighed, for a model that is asked and not looked into."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.base.sentiment import MOST_EXPLAINED, WordWeight

_LEAST: Final = 1e-7


def occluded(score: Callable[[Sequence[str]], NDArray[Any]], text: str) -> list[WordWeight]:
    """What each word adds to the log-odds of positive against negative, by taking it out.

    Leave-one-out (Li, Monroe and Jurafsky 2016, arXiv:1612.08220). A mention appears as `@user`, a link as `URL`.

    Args:
        score: texts to probabilities (n, 3).
    """
    words = text.split()[:MOST_EXPLAINED]
    table = score([" ".join(words), *(" ".join(words[:i] + words[i + 1 :]) for i in range(len(words)))])
    balance = np.log(np.maximum(table[:, 2], _LEAST)) - np.log(np.maximum(table[:, 0], _LEAST))
    return [
        WordWeight(_shown(word), float(balance[0] - without)) for word, without in zip(words, balance[1:], strict=True)
    ]


def _shown(word: str) -> str:
    if word.startswith("@") and len(word) > 1:
        return "@user"
    return "URL" if word.lower().startswith(("http://", "https://", "www.")) else word
