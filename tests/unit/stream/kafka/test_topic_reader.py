from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.kafka import topic_reader as following
from stream.kafka.topic_reader import follow


class _Event:
    """What `poll` returns: a record, or with a code the end of a partition or an error."""

    def __init__(self, partition: int, code: int | None = None) -> None:
        self._partition, self._code = partition, code

    def error(self) -> KafkaError | None:
        return None if self._code is None else KafkaError(self._code)

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return 0


def _end(partition: int) -> _Event:
    return _Event(partition, KafkaError._PARTITION_EOF)


class _Kafka:
    """A consumer of three partitions with a clock of its own: a number is so many seconds without an event."""

    def __init__(self, script: Sequence[_Event | float]) -> None:
        self._script = list(script)
        self.now = 1000.0
        self.closed = False

    def list_topics(self, topic: str, **_: Any) -> Any:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=[0, 1, 2])})

    def assign(self, _: Any) -> None: ...

    def get_watermark_offsets(self, _: Any, **__: Any) -> tuple[int, int]:
        return 0, 9

    def poll(self, timeout_s: float) -> _Event | None:
        assert self._script, "Kafka has gone, and it is still polled"
        first = self._script.pop(0)
        if isinstance(first, _Event):
            return first
        self.now += timeout_s
        if first > timeout_s:
            self._script.insert(0, first - timeout_s)
        return None

    def consume(self, _most: int, _timeout_s: float) -> list[_Event]:
        return []

    def close(self) -> None:
        self.closed = True


def _kafka(monkeypatch: pytest.MonkeyPatch, *script: _Event | float) -> _Kafka:
    kafka = _Kafka(script)
    monkeypatch.setattr(following, "reader", lambda _: kafka)
    monkeypatch.setattr(following, "time", SimpleNamespace(monotonic=lambda: kafka.now))
    return kafka


def test_reading_to_the_end_gives_up_when_kafka_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = _kafka(monkeypatch, _Event(0), _end(1), 35)
    found = follow(Settings(), "dead-letters", from_beginning=True, until_end=True)
    next(found)
    with pytest.raises(Unavailable, match=r"nothing for 30 s; .* dead-letters, partitions 0, 2;") as raised:
        next(found)
    assert "\n" not in str(raised.value)
    assert kafka.closed


def test_any_event_ends_the_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    _kafka(monkeypatch, 25, _Event(0), 25, _end(0), 25, _end(1), 25, _end(2))
    assert len(list(follow(Settings(), "dead-letters", from_beginning=True, until_end=True))) == 1


def test_the_time_that_its_reader_takes_is_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    kafka = _kafka(monkeypatch, _Event(0), 1, _Event(0), 1, _end(0), _end(1), _end(2))
    for _ in follow(Settings(), "dead-letters", from_beginning=True, until_end=True):
        kafka.now += 600


def test_a_quiet_topic_is_waited_for_when_it_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    _kafka(monkeypatch, _end(0), _end(1), _end(2), 3600, _Event(0))
    assert next(follow(Settings(), "tweets.scored", from_beginning=False, until_end=False)).partition() == 0
