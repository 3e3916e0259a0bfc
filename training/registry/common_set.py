"""Labelled tweets on which two models are compared that were not measured on the same held-out texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from models.base.sentiment import SentimentModel
from training.data.datasets import DataError, read_labelled
from training.evaluation.held_out import HeldOut

FEWEST: Final = 100
"""Rows below which no difference that matters could be seen."""
_CHUNK: Final = 5_000


@dataclass(frozen=True)
class CommonSet:
    """Texts and labels of one or several files."""

    texts: list[str]
    labels: NDArray[np.str_]
    source: NDArray[np.str_]

    def scored(self, model: SentimentModel) -> HeldOut:
        """Its predictions for them."""
        parts = [self.texts[at : at + _CHUNK] for at in range(0, len(self.texts), _CHUNK)]
        scores = np.concatenate([model.predict_proba(part) for part in parts])
        return HeldOut.of(self.texts, self.labels, self.source, np.full(len(self.texts), ""), scores)


def read_common_set(paths: Sequence[Path]) -> CommonSet | None:
    """Read labelled files; None without any.

    Raises:
        DataError: one cannot be read, has too few rows, or tweets of one label only.
    """
    if not paths:
        return None
    texts: list[str] = []
    labels, sources = [], []
    for path in paths:
        part = read_labelled(path)
        if len(part.texts) < FEWEST:
            raise DataError(f"{path} has {len(part.texts)} rows: models are compared on {FEWEST} or more")
        if len(found := set(part.labels.tolist())) < 2:
            raise DataError(f"{path} has only {next(iter(found))} tweets: of {', '.join(SENTIMENTS)} two are needed")
        texts += part.texts
        labels.append(part.labels)
        sources.append(np.full(len(part.texts), path.name))
    return CommonSet(texts, np.concatenate(labels), np.concatenate(sources))
