"""What others write into `tweets.scored`."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from prometheus_client import REGISTRY

from alerts.counters.store import CounterStore
from contracts.settings import AlertSettings
from stream.counting.consumer import CountPredictions
from stream.counting.marked_consumer import MarkedBatch
from tests.fakes_kafka import FakeRecord

NAME = "buzzwatch_predictions_unreadable_total"


def test_many_records_that_are_no_predictions_are_counted_and_logged_once_a_kind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counters = cast("CounterStore", SimpleNamespace(add=lambda **call: call["end"]))
    counting = CountPredictions(counters, AlertSettings(), lambda: None)
    before = REGISTRY.get_sample_value(NAME) or 0
    values = [b"{}", b"no JSON", None] * 100
    records = [FakeRecord(value, topic="tweets.scored", offset=at) for at, value in enumerate(values)]
    for start in (0, 150):
        part = records[start : start + 150]
        assert counting.act(MarkedBatch("id", 0, start, start + 150, part)) == start + 150
    assert REGISTRY.get_sample_value(NAME) == before + 300
    assert len(caplog.messages) == 3
    assert all("is no prediction and is not counted" in line for line in caplog.messages)
