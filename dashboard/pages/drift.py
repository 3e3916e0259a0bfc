"""How what the model answers differs from its held-out tweets, by the measures and limits of the rule `drift`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from alerts.counters.counts import ANSWER_BINS
from alerts.detectors.drift import DriftVerdict, Reference, judge
from contracts.events import SENTIMENTS
from contracts.rules.schema import Drift, Rules

AnswerCounts = Mapping[tuple[str, int], int]
"""(label, bin of the confidence) → tweets."""


class Bar(NamedTuple):
    """A bin of the confidence."""

    low: float
    high: float
    now: float
    """Share of the tweets."""
    before: float
    """On held-out tweets."""


class DriftNow(NamedTuple):
    """What there is to see."""

    rule: Drift
    verdict: DriftVerdict
    labels: list[tuple[str, float, float]]
    """Label, its share now, on held-out tweets."""
    confidence: list[Bar]


def drift_rule(rules: Rules) -> Drift:
    """The rule whose limits hold; the first one, also where it is switched off."""
    found = next((rule for rule in rules.rules if isinstance(rule, Drift)), None)
    return found or Drift(alert="ModelDrift", kind="drift", severity="warning")


def drift_now(rule: Drift, counts: AnswerCounts, metadata: Mapping[str, Any]) -> DriftNow | str:
    """Compare; in one line why that cannot be."""
    reference = Reference.of(metadata)
    if reference is None:
        return "this version carries no reference of its answers on held-out tweets"
    tweets = sum(counts.values())
    verdict = judge(rule.model_copy(update={"min_tweets": 1}), counts, reference, firing=False) if tweets else None
    if verdict is None:
        return "this version has answered nothing in this time"
    usual = [share / sum(reference.classes) for share in reference.classes]
    total = sum(reference.confidence)
    bars = [
        Bar(
            at / ANSWER_BINS,
            (at + 1) / ANSWER_BINS,
            sum(counts.get((label, at), 0) for label in SENTIMENTS) / tweets,
            reference.confidence[at] / total,
        )
        for at in range(ANSWER_BINS)
    ]
    # Of three probabilities the largest is at least a third.
    shown = [bar for bar in bars if bar.high > 1 / 3]
    return DriftNow(rule, verdict, list(zip(SENTIMENTS, verdict.classes, usual, strict=True)), shown)
