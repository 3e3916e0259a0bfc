"""Accuracy on tweets that were drawn by chance and judged: what an estimate without labels is held against."""

from __future__ import annotations

from contracts.settings import Settings
from learning.estimate.findings import JudgedAccuracy
from learning.labels.log import resolved_labels
from learning.review.accuracy import accuracy_in_production, drawn_of


def judged_accuracy(settings: Settings, version: str) -> JudgedAccuracy | None:
    """Of one model version; None where nothing of it was drawn and judged.

    Raises:
        Unavailable: Kafka does not answer or has no topic of labels.
    """
    standing = resolved_labels(settings).judgements
    found = accuracy_in_production(drawn_of(event for event in standing if event.model_version == version))
    return None if found is None else JudgedAccuracy(found.n, found.value, found.low, found.high)
