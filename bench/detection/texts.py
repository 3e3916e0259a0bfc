"""People's labels of real tweets that a model has not learnt from, and what the model says about them."""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from training.evaluation.held_out import HeldOut

SOURCES: Final = ("airline", "semeval")
"""Those whose tweets are about brands, labelled by people."""

Answers = NDArray[np.float32]
"""(n,) the model's confidence: above zero where that is *negative*, below where not."""


class Pool(NamedTuple):
    """Held-out tweets of one data set."""

    name: str
    answers: tuple[Answers, Answers, Answers]
    """For each true label in the order of SENTIMENTS: the model's prediction for each text."""

    @property
    def rates(self) -> tuple[float, float, float]:
        """Share of each true label that the model calls negative: recall, then false positives."""
        negative, neutral, positive = (float((said > 0).mean()) for said in self.answers)
        return negative, neutral, positive


def load_pools(artefact: Path) -> list[Pool]:
    """What a model answered in its own evaluation: its recipe, learnt without the tweets that are asked about.

    The model that serves has learnt from every tweet and would look too good. An artefact carries the answers without
    the texts.

    Raises:
        ArtefactError: the file with the answers cannot be read.
        BuzzwatchError: there is none, or it lacks one of `SOURCES`.
    """
    held_out = HeldOut.load(artefact)
    if held_out is None or not set(SOURCES) <= set(held_out.source.tolist()):
        raise BuzzwatchError(f"{artefact} has no answers about the held-out tweets of {' and '.join(SOURCES)}")
    is_negative = held_out.scores.argmax(axis=1) == SENTIMENTS.index("negative")
    said = (np.where(is_negative, 1, -1) * held_out.scores.max(axis=1)).astype(np.float32)
    return [
        Pool(source, tuple(said[(held_out.source == source) & (held_out.truth == label)] for label in range(3)))
        for source in SOURCES
    ]
