"""The model's predictions differ from those on held-out tweets of its training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from alerts.counters.counts import ANSWER_BINS
from contracts.events import SENTIMENTS
from contracts.rules.schema import Drift

_CALMER = 0.9
"""A firing alert is over when every measure is below so much of its limit."""


class Reference(NamedTuple):
    """Key `reference` of a model's metadata: its predictions on held-out tweets."""

    classes: tuple[float, float, float]
    """Share of each label, in the order of SENTIMENTS."""
    confidence: tuple[float, ...]
    """Share of the top label's probability in each of 20 equal parts of [0, 1]."""

    @staticmethod
    def of(metadata: Mapping[str, Any]) -> Reference | None:
        """None when the model has none, or one that cannot be used."""
        found = metadata.get("reference")
        try:
            classes = tuple(float(found["classes"][label]) for label in SENTIMENTS)  # type: ignore[index]
            confidence = tuple(float(share) for share in found["confidence"])  # type: ignore[index]
        except (KeyError, TypeError, ValueError):
            return None
        if len(confidence) != ANSWER_BINS or not sum(classes) > 0 or not sum(confidence) > 0:
            return None
        return Reference((classes[0], classes[1], classes[2]), confidence)


class DriftVerdict(NamedTuple):
    """Whether the condition holds, and the figures behind it."""

    active: bool
    tweets: int
    classes: tuple[float, ...]
    """Share of each label now."""
    jensen_shannon: float
    kolmogorov_smirnov: float
    moved: str
    """The label whose share has moved most."""
    move: float
    """By how much, with its sign."""
    reasons: tuple[str, ...]
    """Which limits are passed."""


def jensen_shannon(one: Sequence[float], other: Sequence[float]) -> float:
    """Divergence of two distributions in bits, from 0 (the same) to 1 (nothing in common); Lin 1991."""
    total = 0.0
    for p, q in zip(one, other, strict=True):
        middle = (p + q) / 2
        total += (p * math.log2(p / middle) if p > 0 else 0.0) + (q * math.log2(q / middle) if q > 0 else 0.0)
    return max(0.0, total / 2)


def kolmogorov_smirnov(one: Sequence[float], other: Sequence[float]) -> float:
    """Largest distance of the cumulated shares of two histograms over the same bins."""
    return max(abs(p - q) for p, q in zip(accumulate(one), accumulate(other), strict=True))


def judge(
    rule: Drift, predictions: Mapping[tuple[str, int], int], reference: Reference, *, firing: bool
) -> DriftVerdict | None:
    """Compare predictions with the model's reference. None when they are too few.

    Args:
        predictions: (label, bin of the confidence) → tweets.
        firing: then every measure must fall below nine tenths of its limit to end it.
    """
    tweets = sum(predictions.values())
    if tweets < rule.min_tweets:
        return None
    classes = [sum(number for (label, _), number in predictions.items() if label == one) / tweets for one in SENTIMENTS]
    confidence = [
        sum(predictions.get((label, bin_), 0) for label in SENTIMENTS) / tweets for bin_ in range(ANSWER_BINS)
    ]
    usual = _scaled(reference.classes)
    divergence = jensen_shannon(classes, usual)
    distance = kolmogorov_smirnov(confidence, _scaled(reference.confidence))
    moves = {label: now - before for label, now, before in zip(SENTIMENTS, classes, usual, strict=True)}
    moved = max(moves, key=lambda label: abs(moves[label]))
    scale = _CALMER if firing else 1.0
    reasons = []
    if divergence > rule.jensen_shannon * scale:
        reasons.append(f"the labels' Jensen-Shannon divergence is {divergence:.2f} (limit {rule.jensen_shannon:g})")
    if distance > rule.kolmogorov_smirnov * scale:
        reasons.append(
            f"the confidences' Kolmogorov-Smirnov distance is {distance:.2f} (limit {rule.kolmogorov_smirnov:g})"
        )
    if abs(moves[moved]) > rule.class_share * scale:
        reasons.append(f"the share of {moved} has moved by {moves[moved]:+.0%} (limit {rule.class_share:.0%})")
    return DriftVerdict(
        bool(reasons), tweets, tuple(classes), divergence, distance, moved, moves[moved], tuple(reasons)
    )


def _scaled(shares: Sequence[float]) -> list[float]:
    total = sum(shares)
    return [share / total for share in shares]
