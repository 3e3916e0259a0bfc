from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from alerts.state.alert import Alert
from contracts.learning.settings import LearningSettings
from learning.retraining.triggers import Due, is_due
from tests.unit.learning.labels.saying import DAY
from tests.unit.learning.retraining.telling import labels

SETTINGS = LearningSettings(retrain_after=200)


def alert(kind: str) -> Alert:
    return Alert(kind, "a" * 16, {"alertname": "Name", "watch": "air-paradis"}, {}, 0, 0.5)


def due(count: int, *firing: str, learnt: datetime | None = None, days: float = 1) -> Due:
    return is_due(labels(count), learnt, map(alert, firing), SETTINGS, DAY + timedelta(days=days))


def test_enough_new_labels_are_a_reason() -> None:
    assert due(200).reasons == ["200 new labels (200 are enough)"]
    assert not due(199).now
    assert due(300, learnt=DAY + timedelta(minutes=99)).now
    assert not due(300, learnt=DAY + timedelta(minutes=200)).now


def test_an_accuracy_alert_is_a_reason_where_there_is_something_to_learn() -> None:
    assert due(150, "accuracy").now
    assert not due(50, "accuracy").now


def test_what_the_estimate_says_is_a_reason() -> None:
    worse = ["estimated accuracy 0.700 (at most 0.710), held out 0.800"]
    found = is_due(labels(150), None, [], SETTINGS, DAY, worse)
    assert found.reasons == [f"the model is worse: {worse[0]}"]
    assert not is_due(labels(50), None, [], SETTINGS, DAY, worse).reasons


def test_the_calendar_is_a_reason() -> None:
    assert due(150, learnt=DAY - timedelta(days=20), days=11).reasons == [
        "31 days since the newest label that was learnt from"
    ]
    assert due(150, days=29).reasons == []
    assert due(150, days=30).reasons == ["30 days since the oldest label, and no model has learnt from any"]


@pytest.mark.parametrize("kind", ["drift", "quiet", "foreign_volume", "bad_buzz", "consecutive_errors"])
def test_class_shares_and_volumes_are_none(kind: str) -> None:
    assert due(150, kind).reasons == []


def test_in_a_crisis_it_waits() -> None:
    found = due(300, "accuracy", "bad_buzz")
    assert len(found.reasons) == 2
    assert not found.now
    assert found.held_back is not None
    assert "air-paradis" in found.held_back
