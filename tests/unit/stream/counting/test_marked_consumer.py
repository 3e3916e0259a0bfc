from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, TopicPartition

from stream.counting.marked_consumer import MarkedBatch, MarkedConsumer, Source
from stream.kafka.topic_id import TopicIdentity
from tests.fakes_kafka import FakeRecord


class _Kafka:
    """A consumer of one partition, which hands out these offsets, poll by poll."""

    def __init__(self, *polls: list[int]) -> None:
        self.polls = list(polls)
        self.starts: list[int] = []
        self.is_assigned: Callable[[], None] | None = None

    def subscribe(self, topics: list[str], on_assign: Callable[..., None], **_: Any) -> None:
        self.is_assigned = lambda: on_assign(self, [TopicPartition(topics[0], 0)])

    def poll(self, _timeout: float) -> Any:
        if self.is_assigned is not None:
            self.is_assigned()
            self.is_assigned = None
            return None
        self.now = [_Message(offset) for offset in self.polls.pop(0)]
        return self.now[0]

    def consume(self, *_: Any) -> list[Any]:
        return self.now[1:]

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return partitions

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        return partitions

    def commit(self, **_: Any) -> None: ...

    def get_watermark_offsets(self, _: TopicPartition, **__: Any) -> tuple[int, int]:
        return 0, 99

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.starts += [one.offset for one in partitions]

    def close(self) -> None: ...


class _Message(FakeRecord):
    def __init__(self, offset: int) -> None:
        super().__init__(offset=offset)

    def error(self) -> None: ...


class _Task:
    """Keeps a mark, and the offsets that were counted."""

    def __init__(self, kafka: _Kafka) -> None:
        self.kafka, self.mark, self.counted = kafka, 0, cast("list[int]", [])
        self.stop: Callable[[], None] = lambda: None

    def marks(self, _topic_id: str, _partitions: list[int]) -> dict[int, int]:
        return {0: self.mark}

    def act(self, batch: MarkedBatch) -> int:
        self.counted += [record.offset() for record in batch.records]
        self.mark = batch.end
        if not self.kafka.polls:
            self.stop()
        return self.mark

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        raise error


def test_what_the_client_hands_out_a_second_time_is_not_counted_again() -> None:
    kafka = _Kafka([0, 1, 2], [0, 1, 2, 3], [4], [3, 4])  # what comes before it is placed again is dropped
    task = _Task(kafka)
    identity = SimpleNamespace(ask=lambda: "this", changed=lambda: False, give_up_after=lambda _: None)
    consumer = MarkedConsumer(
        Source("scored", cast("Consumer", kafka), cast("TopicIdentity", identity), lambda gap: gap.offset + 1, 100, 1),
        cast("Any", task),
        lambda error: pytest.fail(str(error)),
    )
    task.stop = consumer.stop
    consumer.run()
    assert task.counted == [0, 1, 2, 3, 4]
    assert kafka.starts[-1] == 3
