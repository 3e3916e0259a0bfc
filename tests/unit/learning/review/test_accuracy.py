from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pytest

from contracts.events import Scores
from contracts.learning.settings import LearningSettings
from learning.labels.resolution import resolve
from learning.review.accuracy import Drawn, accuracy_in_production, drawn_of, saturation
from tests.unit.learning.labels.saying import says
from training.evaluation.metrics import wilson


def test_with_equal_chances_it_is_the_share_with_wilsons_interval() -> None:
    found = accuracy_in_production([Drawn(number < 80, 0.01) for number in range(100)])
    assert found is not None
    assert found[:3] == pytest.approx(wilson(80, 100))
    assert found.n == 100
    assert accuracy_in_production([]) is None


def test_a_text_that_stands_for_more_weighs_more() -> None:
    found = accuracy_in_production([Drawn(True, 1 / 9000), Drawn(False, 1 / 1000)])
    assert found is not None
    assert found.value == pytest.approx(0.9)
    assert found.low < 0.35


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(400):
        weights = rng.choice([100, 300, 1000], 150)
        found = accuracy_in_production([Drawn(bool(rng.random() < 0.8), 1 / weight) for weight in weights.tolist()])
        assert found is not None
        hits += found.low <= 0.8 <= found.high
    assert hits / 400 > 0.92


def test_only_texts_drawn_by_chance_count_each_once() -> None:
    prediction = uuid.uuid4()
    drawn: dict[str, Any] = {
        "source": "random",
        "drawn": 0.1,
        "scores": Scores(0.8, 0.1, 0.1),
        "prediction_id": prediction,
    }
    events = [
        says("ann", "positive", **drawn),
        says("bob", "negative", **drawn),
        says("ann", "positive", "another", scores=Scores(0.8, 0.1, 0.1)),
    ]
    found = resolve(events, LearningSettings())
    assert drawn_of(found.judgements) == [Drawn(True, 0.1)]


def test_when_the_words_are_known_another_hundred_changes_nothing() -> None:
    words = {"negative": "lost awful late", "neutral": "gate seat monday", "positive": "great love thanks"}
    events = [
        says("ann", label, f"{words[label]} {number}", tweet_id=str(number))
        for number, label in enumerate(list(words) * 200)
    ]
    known = resolve(events, LearningSettings()).labels
    assert saturation(known).reached
    assert not saturation(known[:150]).reached
    rng = np.random.default_rng(0)
    noise = [
        says("ann", str(rng.choice(list(words))), " ".join(f"w{n}" for n in rng.integers(0, 300, 5)) + f" {number}")
        for number in range(500)
    ]
    assert not saturation(resolve(noise, LearningSettings()).labels).reached
