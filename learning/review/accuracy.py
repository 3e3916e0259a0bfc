"""Accuracy in production, from texts that were drawn by chance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from contracts.learning.labels import LabelEvent
from learning.labels.agreement import cohens_kappa
from learning.labels.quarantine import word_evidence
from learning.labels.resolution import Label
from learning.labels.stats import predicted

_Z: Final = NormalDist().inv_cdf(0.975)
STEP: Final = 100
"""Judgements between two models that are compared."""
_ENOUGH: Final = 0.99
_FEWEST: Final = 3
"""Comparisons in a row above `_ENOUGH`; one may be luck."""
_MOST_TEXTS: Final = 2000


class Estimate(NamedTuple):
    """A share with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Judgements."""


class Drawn(NamedTuple):
    """A judged text that was drawn by chance."""

    right: bool
    probability: float
    """With which it was drawn."""


def accuracy_in_production(judged: Sequence[Drawn]) -> Estimate | None:
    """Share of right answers among all tweets; None without a judgement.

    A text that was one of a thousand stands for a thousand (Hájek's estimator). The interval is Wilson's with Kish's
    effective number of texts.
    """
    if not judged:
        return None
    weights = [1 / max(one.probability, 1e-12) for one in judged]
    total = math.fsum(weights)
    share = math.fsum(w for w, one in zip(weights, judged, strict=True) if one.right) / total
    n = total**2 / math.fsum(w * w for w in weights)
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n))
    return Estimate(share, max(0.0, centre - half), min(1.0, centre + half), len(judged))


def drawn_of(events: Iterable[LabelEvent]) -> list[Drawn]:
    """The judged texts that were drawn by chance, of events that stand (`Resolution.judgements`); one for each text."""
    found: dict[str, Drawn] = {}
    for event in events:
        answer = predicted(event)
        if event.source == "random" and event.label is not None and answer is not None:
            found[str(event.prediction_id or event.tweet_id)] = Drawn(event.label == answer, event.drawn or 1.0)
    return list(found.values())


class Saturation(NamedTuple):
    """Whether more judgements of this kind change anything."""

    kappas: list[float]
    """Agreement of each model with the one of a hundred judgements before, the newest last."""

    @property
    def reached(self) -> bool:
        """The last models agree nearly always."""
        return len(self.kappas) >= _FEWEST and min(self.kappas[-_FEWEST:]) >= _ENOUGH


def saturation(labels: Sequence[Label]) -> Saturation:
    """Agreement (kappa) of models of words with and without the last hundred labels, on the labelled texts.

    A stopping criterion of active learning (Bloodgood and Vijay-Shanker 2009): when models in a row agree, further
    texts of the same kind teach little. The models are naive Bayes over words, so that asking costs no training.
    """
    ordered = sorted(labels, key=lambda one: (one.created_at, one.text))
    texts = [label.text for label in ordered]
    codes = np.array([SENTIMENTS.index(label.label) for label in ordered], np.intp)
    asked = texts[-_MOST_TEXTS:]
    sizes = [len(texts) - STEP * step for step in range(_FEWEST, -1, -1)]
    sizes = [size for size in sizes if size >= STEP]
    answers: list[NDArray[np.intp]] = [
        word_evidence(texts[:size], codes[:size], asked).argmax(axis=1) for size in sizes
    ]
    pairs = itertools.pairwise(answers)
    kappas = [cohens_kappa(a.tolist(), b.tolist()) for a, b in pairs]
    return Saturation([1.0 if kappa is None else kappa for kappa in kappas])
