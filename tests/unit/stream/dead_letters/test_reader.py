"""How a dead letter is shown."""

from __future__ import annotations

import time

import pytest

from stream.dead_letters.reader import sent_at
from tests.fakes_kafka import FakeRecord


@pytest.mark.parametrize("timestamp_ms", [-1, 0, 1, 1_600_000_000, 2**40, 2**62])
def test_a_time_that_cannot_be_is_not_shown(timestamp_ms: int) -> None:
    assert sent_at(FakeRecord(timestamp_ms=timestamp_ms)) is None


def test_a_time_that_can_be_is_shown() -> None:
    assert sent_at(FakeRecord(timestamp_ms=1_600_000_000_000)) == "2020-09-13T12:26:40.000Z"
    assert sent_at(FakeRecord(timestamp_ms=int(time.time() * 1000))) is not None
