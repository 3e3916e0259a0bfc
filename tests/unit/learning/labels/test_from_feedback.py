from __future__ import annotations

import json
import uuid

import pytest

from contracts.events import Scores, decode_feedback
from contracts.learning.labels import LabelEvent, checked_label, judge_hash
from learning.labels.from_feedback import label_of
from learning.labels.texts import Remembered

PREDICTION = str(uuid.uuid4())
KNOWN = Remembered(
    prediction_id=PREDICTION, text="@user lost my bag", tweet_id="7", scores=Scores(0.2, 0.1, 0.7), model_version="3"
)


def label(known: Remembered | None = KNOWN, **fields: object) -> LabelEvent:
    given = {
        "feedback_id": str(uuid.UUID(int=5)),
        "prediction_id": PREDICTION,
        "predicted": "positive",
        "correct": False,
        "expected": "negative",
        "model_version": "3",
        "author": "ann",
    }
    return checked_label(
        label_of(decode_feedback(json.dumps(given | fields).encode()), 1_790_000_000_000, known, "key")
    )


def test_a_correction_is_a_label_with_the_text_and_scores_of_the_time() -> None:
    found = label()
    assert (found.label, found.text, found.tweet_id, found.scores) == (
        "negative",
        "@user lost my bag",
        "7",
        KNOWN.scores,
    )
    assert (found.judge, found.source, found.key) == (judge_hash("ann", "key"), "feedback", "7")


def test_a_confirmation_is_the_predicted_label() -> None:
    assert label(correct=True, expected=None).label == "positive"


def test_what_is_only_wrong_is_a_rejected_label() -> None:
    found = label(expected=None)
    assert (found.label, found.rejected) == (None, "positive")


@pytest.mark.parametrize(("text", "kept"), [("@jane +33 6 12 34 56 78 lost it", True), ("  ", False), (None, False)])
def test_a_text_that_comes_along_is_masked(text: str | None, kept: bool) -> None:
    found = label(None, text=text)
    assert (found.text is not None) is kept
    assert "jane" not in (found.text or "")
    assert "12 34" not in (found.text or "")


def test_the_remembered_text_counts_before_one_that_anybody_may_have_written() -> None:
    assert label(text="buy my coins").text == "@user lost my bag"


def test_made_twice_it_is_the_same_label() -> None:
    assert label() == label()
    assert label(None).text is None
