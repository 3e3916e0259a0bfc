from __future__ import annotations

from contracts.rules.schema import Drift
from dashboard.pages.drift import DriftNow, drift_now

RULE = Drift(alert="ModelDrift", kind="drift", severity="warning", min_tweets=10)
REFERENCE = {
    "reference": {"classes": {"negative": 0.4, "neutral": 0.3, "positive": 0.3}, "confidence": [0.0] * 19 + [1.0]}
}


def test_the_same_answers_are_within_the_limits() -> None:
    counts = {("negative", 19): 40, ("neutral", 19): 30, ("positive", 19): 30}
    found = drift_now(RULE, counts, REFERENCE)
    assert isinstance(found, DriftNow)
    assert not found.verdict.active
    assert found.labels == [("negative", 0.4, 0.4), ("neutral", 0.3, 0.3), ("positive", 0.3, 0.3)]
    assert found.confidence[-1][2:] == (1.0, 1.0)


def test_other_answers_have_moved() -> None:
    found = drift_now(RULE, {("negative", 8): 100}, REFERENCE)
    assert isinstance(found, DriftNow)
    assert found.verdict.active
    assert (found.verdict.moved, round(found.verdict.move, 2)) == ("negative", 0.6)


def test_what_cannot_be_compared_is_said() -> None:
    assert "no reference" in str(drift_now(RULE, {("negative", 8): 1}, {}))
    assert "answered nothing" in str(drift_now(RULE, {}, REFERENCE))
