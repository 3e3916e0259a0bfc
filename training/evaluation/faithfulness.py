"""Does an explanation point at the words that matter? The deletion test.

The words that weighed most are taken out of a text, and as many at random; the balance of positive against negative
should move more by the first (as faithfulness is tested by DeYoung et al. 2020, ERASER, arXiv:1911.03429).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.base.sentiment import SentimentModel


class Deletion(NamedTuple):
    """Mean change of P(positive) - P(negative), in absolute value."""

    explained: float
    """The words with the largest weights taken out."""
    random: float
    """As many words at random."""
    more: float
    """Share of the texts that the explained words move at least as far as random ones."""
    n: int
    """Texts with words enough."""


def deletion_test(model: SentimentModel, texts: Sequence[str], *, words: int = 2) -> Deletion:
    """Take `words` words out of each text of more than twice as many.

    Raises:
        ValueError: there is no such text.
    """
    rng = np.random.default_rng(0)
    whole, without, at_random = [], [], []
    for text in texts:
        found = model.explain(text)
        if len(found) <= 2 * words:
            continue
        strongest = np.argsort([-abs(weight) for _, weight in found], kind="stable")[:words]
        drawn = rng.choice(len(found), words, replace=False)
        whole.append(_joined([word for word, _ in found], ()))
        without.append(_joined([word for word, _ in found], strongest))
        at_random.append(_joined([word for word, _ in found], drawn))
    if not whole:
        raise ValueError("no text has enough words")
    balance = [_balance(model, variant) for variant in (whole, without, at_random)]
    explained, random = np.abs(balance[1] - balance[0]), np.abs(balance[2] - balance[0])
    return Deletion(float(explained.mean()), float(random.mean()), float((explained >= random).mean()), len(whole))


def _joined(words: Sequence[str], left_out: Sequence[int] | NDArray[np.intp]) -> str:
    gone = set(map(int, left_out))
    return " ".join(word for i, word in enumerate(words) if i not in gone)


def _balance(model: SentimentModel, texts: Sequence[str]) -> NDArray[np.float32]:
    table = model.predict_proba(texts)
    balance: NDArray[np.float32] = table[:, 2] - table[:, 0]
    return balance
