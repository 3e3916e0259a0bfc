"""The reference that drift is measured against: how a model's answers are spread on held-out texts."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from contracts.events import SENTIMENTS
from training.evaluation.held_out import HeldOut

CONFIDENCE_BINS: Final = 20
SETS: Final = ("airline", "semeval")
"""Labelled by people and most like a stream of tweets about brands; each counts the same."""


def reference(held_out: HeldOut) -> dict[str, Any]:
    """Shares of the classes and a histogram of the confidence.

    Returns:
        `{"classes": {"negative": …}, "confidence": [20 shares of equal-width bins of 0 to 1]}`, each summing to 1.
    """
    sets = [name for name in SETS if (held_out.source == name).any()] or sorted(set(held_out.source.tolist()))
    classes, confidence = np.zeros(len(SENTIMENTS)), np.zeros(CONFIDENCE_BINS)
    for name in sets:
        scores = held_out.scores[held_out.source == name]
        top = np.minimum((scores.max(axis=1) * CONFIDENCE_BINS).astype(int), CONFIDENCE_BINS - 1)
        classes += np.bincount(scores.argmax(axis=1), minlength=len(SENTIMENTS)) / len(scores) / len(sets)
        confidence += np.bincount(top, minlength=CONFIDENCE_BINS) / len(scores) / len(sets)
    return {
        "classes": {label: round(float(share), 4) for label, share in zip(SENTIMENTS, classes, strict=True)},
        "confidence": [round(float(share), 4) for share in confidence],
    }
