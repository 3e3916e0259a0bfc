"""What every model family can do: the seam between serving and models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

MOST_EXPLAINED: Final = 200
"""Words of a text that `explain` looks at: it asks the model once for each."""

Tier = Literal["linear", "deep"]
"""Which part of a cascade answered."""


class WordWeight(NamedTuple):
    """How much a word of the text weighed: above zero towards positive, below zero towards negative."""

    word: str
    weight: float


class Scores(Protocol):
    """Whatever has probabilities."""

    def predict_proba(self, texts: Sequence[str], /) -> NDArray[Any]:
        """(n, 3), columns in the order of `contracts.events.SENTIMENTS`."""
        ...


@runtime_checkable
class Tiered(Protocol):
    """A model of several tiers, quick ones and slow ones, that can keep to a time budget."""

    tiers: tuple[Tier, ...]
    """Their names, the quickest first."""

    def predict_tiers(
        self, texts: Sequence[str], behind_s: float | None
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Probabilities (n, 3) and (n,) indices of tiers, in the time left to a stream so far behind (None: any)."""
        ...


class SentimentModel(Protocol):
    """Texts in, probabilities out. Text cleaning is inside; calls may come from several threads at once."""

    metadata: Mapping[str, Any]
    """`family`, `format_version`, `trained_on`, `metrics`, `data_hash` and what else the family notes."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Probabilities of shape (n, 3), columns in the order of `contracts.events.SENTIMENTS`; rows sum to 1."""
        ...

    def explain(self, text: str) -> list[WordWeight]:
        """The first `MOST_EXPLAINED` words in their order, with signed weights, the rest of the text left out.

        Mentions and URLs appear as `@user` and `URL`.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the artefact that `models.base.artefact.load_artefact` reads."""
        ...
