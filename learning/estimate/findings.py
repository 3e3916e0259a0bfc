"""Two findings that are kept apart: *the world changed*, and *the model is worse*.

More negative tweets, other languages, a model that is less sure: that is what a crisis looks like, and no fault of the
model. It is worse where it is right less often than on its held-out texts, as judged at random or as estimated by
an estimate that can be trusted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from alerts.detectors.drift import Reference, jensen_shannon
from contracts.events import SENTIMENTS
from learning.estimate.cbpe import Calibration, Estimate
from learning.estimate.stream_figures import Answers
from models.text.word_profile import WordProfile

_MOVED: Final = 0.05
"""Bits of Jensen–Shannon divergence between shares of labels from which they are called different."""
_UNKNOWN: Final = 0.1
_LOSS: Final = 0.03
"""Points of accuracy below the held-out figure that count as worse."""


@dataclass(frozen=True)
class Findings:
    """What is said about a part of the stream."""

    answers: Answers
    estimate: Estimate
    world: tuple[str, ...]
    """How the stream differs from the held-out texts; no reason to retrain."""
    model: tuple[str, ...]
    """Why the model is taken to be worse; empty: it is not, or nobody can tell."""


@dataclass(frozen=True)
class JudgedAccuracy:
    """Accuracy on tweets drawn at random and judged."""

    n: int
    accuracy: float
    low: float
    high: float


def findings(
    answers: Answers, calibration: Calibration, reference: Reference | None, judged: JudgedAccuracy | None = None
) -> Findings:
    """What can be said.

    Args:
        answers: to a part of the stream.
        calibration, reference: of the model that gave them.
        judged: of the same model, where tweets were drawn at random and judged.
    """
    unknown = answers.unknown / answers.n if answers.n else 0.0
    estimate = calibration.estimate(np.array(answers.confidence, np.float64), unknown=unknown, words=answers.profile)
    if judged is not None and estimate.accuracy is not None and not judged.low <= estimate.accuracy <= judged.high:
        doubt = f"{judged.n:,} tweets that were drawn at random and judged say {judged.accuracy:.3f}"
        estimate = replace(estimate, doubts=(*estimate.doubts, doubt))
    return Findings(answers, estimate, _world(answers, reference, unknown), _model(estimate, calibration, judged))


def _world(answers: Answers, reference: Reference | None, unknown: float) -> tuple[str, ...]:
    reasons = []
    if reference is not None and answers.n:
        shares = answers.shares.tolist()
        if (distance := jensen_shannon(shares, reference.classes)) > _MOVED:
            moved = max(range(len(SENTIMENTS)), key=lambda at: abs(shares[at] - reference.classes[at]))
            reasons.append(
                f"{SENTIMENTS[moved]} tweets are {shares[moved]:.0%} instead of {reference.classes[moved]:.0%}"
                f" (divergence {distance:.2f} bits)"
            )
    if unknown > _UNKNOWN:
        reasons.append(f"{unknown:.0%} are in languages that the model does not know")
    return tuple(reasons)


def _model(estimate: Estimate, calibration: Calibration, judged: JudgedAccuracy | None) -> tuple[str, ...]:
    usual = calibration.accuracy if estimate.usual is None else estimate.usual
    bound, held_out = usual - _LOSS, f"held out {usual:.3f}"
    reasons = []
    if judged is not None and judged.high < bound:
        reasons.append(f"judged accuracy {judged.accuracy:.3f} (at most {judged.high:.3f}), {held_out}")
    if estimate.trusted and estimate.high is not None and estimate.high < bound:
        reasons.append(f"estimated accuracy {estimate.accuracy:.3f} (at most {estimate.high:.3f}), {held_out}")
    return tuple(reasons)


def mean_confidence(answers: Answers) -> float | None:
    """Of answers in languages that the model knows."""
    return float(np.mean(answers.confidence)) if answers.confidence else None


def different_words(profile: WordProfile) -> float | None:
    """How many a text has, on the mean: its length, as the held-out sets carry it, too."""
    return float(profile.counts.sum()) / profile.texts if profile.texts else None


def as_json(one: Findings) -> Mapping[str, object]:
    """For people's programs."""
    answers, estimate = one.answers, one.estimate
    return {
        "n": answers.n,
        "classes": {label: round(float(share), 4) for label, share in zip(SENTIMENTS, answers.shares, strict=True)},
        "unknown_language": round(answers.unknown / answers.n, 4) if answers.n else None,
        "mean_words": None if answers.mean_words is None else round(answers.mean_words, 2),
        "different_words": _rounded(different_words(answers.profile)),
        "unseen_words": _rounded(answers.unseen_words),
        "confidence": _rounded(mean_confidence(answers)),
        "confidence_shift": _rounded(estimate.shift),
        "words_distance": _rounded(estimate.distance),
        "nearest_set": estimate.nearest or None,
        "held_out_accuracy": _rounded(estimate.usual),
        "estimated_accuracy": _rounded(estimate.accuracy),
        "low": _rounded(estimate.low),
        "high": _rounded(estimate.high),
        "trusted": estimate.trusted,
        "doubts": list(estimate.doubts),
        "world_changed": list(one.world),
        "model_worse": list(one.model),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
