from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from stream.kafka.records import RecordBatch
from stream.kafka.topic_id import TopicIdentity
from stream.scoring.batch_consumer import Intake
from stream.scoring.flow_control import BatchSize, InFlight


class _Kafka:
    """A consumer of one partition that holds the offsets 100 to 200, and nothing where it was started first."""

    def __init__(self, committed: int, metadata: str) -> None:
        self._committed = committed, metadata
        self._events: list[Callable[[], Any]] = []
        self.starts: list[int] = []

    def subscribe(self, topics: list[str], on_assign: Callable[..., None], **_: Any) -> None:
        self._events.append(lambda: on_assign(self, [TopicPartition(topics[0], 0)]))

    def lose(self) -> SimpleNamespace:
        error = KafkaError(KafkaError._AUTO_OFFSET_RESET)
        return SimpleNamespace(error=lambda: error, topic=lambda: "tweets", partition=lambda: 0)

    def poll(self, _timeout: float) -> Any:
        return self._events.pop(0)() if self._events else None if len(self.starts) != 1 else self.lose()

    def consume(self, *_: Any) -> list[Any]:
        return []

    def position(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        return partitions

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        return [TopicPartition("tweets", one.partition, *self._committed) for one in partitions]

    def get_watermark_offsets(self, _: TopicPartition, **__: Any) -> tuple[int, int]:
        return 100, 200

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.starts += [one.offset for one in partitions]


def intake_of(
    kafka: _Kafka,
    *,
    deliver: Callable[[RecordBatch], None] = lambda _: None,
    in_flight: InFlight | None = None,
    wait_for_publisher: Callable[[], bool] = lambda: True,
    check: Callable[[], None] = lambda: None,
) -> Intake:
    identity = SimpleNamespace(ask=lambda: "this", changed=lambda: False, give_up_after=lambda _: None)
    return Intake(
        cast("Consumer", kafka),
        "tweets",
        identity=cast("TopicIdentity", identity),
        batch_size=BatchSize(1),
        in_flight=in_flight or InFlight(4),
        deliver=deliver,
        wait_for_publisher=wait_for_publisher,
        check=check,
        end_of_gap=lambda gap: gap.offset + 1,
        give_up_after_s=1,
    )


def _run(kafka: _Kafka, assignments: int, wait_for_publisher: Callable[[], bool] = lambda: True) -> None:
    """Let an intake read until it has been assigned that often."""

    def check() -> None:
        if len(kafka.starts) == assignments:
            intake.stop()

    intake = intake_of(kafka, wait_for_publisher=wait_for_publisher, check=check)
    intake.run()


def test_nothing_is_read_again_while_the_offsets_of_a_batch_are_on_their_way() -> None:
    kafka = _Kafka(150, "this")
    published = [False, False, True]

    def is_published() -> bool:
        assert kafka.starts == []
        return published.pop(0)

    _run(kafka, 1, is_published)
    assert set(kafka.starts) == {150}
    assert published == []


@pytest.mark.parametrize(
    ("committed", "of", "start"),
    [
        (150, "this", 150),
        (-1001, "", 100),
        (150, "one that was deleted", 100),
        (50, "this", 100),
        (300, "this", 200),
        (300, "", 100),
    ],
)
def test_where_kafka_has_nothing_it_goes_on_with_the_nearest_record_of_this_topic(
    committed: int, of: str, start: int
) -> None:
    kafka = _Kafka(committed, of)
    _run(kafka, 2)
    assert kafka.starts[1] == start


class _Log(_Kafka):
    """A consumer that hands out one record a poll, from where it was started on."""

    def __init__(self) -> None:
        super().__init__(100, "this")
        self.next = 100

    def poll(self, _timeout: float) -> Any:
        if self._events:
            return self._events.pop(0)()
        self.next += 1
        return SimpleNamespace(
            error=lambda: None, topic=lambda: "tweets", partition=lambda: 0, offset=lambda at=self.next - 1: at
        )

    def assign(self, partitions: list[TopicPartition]) -> None:
        super().assign(partitions)
        self.next = partitions[0].offset

    def consumer_group_metadata(self) -> None: ...


def test_nothing_is_read_behind_a_batch_that_was_aborted_before_it_is_read_again() -> None:
    """Otherwise the batch behind it is committed, and the aborted one is lost."""
    delivered: list[int] = []
    in_flight = InFlight(4)

    def abort() -> None:
        intake.rewind()
        in_flight.release()

    def deliver(batch: RecordBatch) -> None:
        delivered.extend(record.offset() for record in batch.messages)
        if len(delivered) == 1:
            threading.Timer(0.1, abort).start()  # while the reader waits for it
        else:
            intake.stop()

    intake = intake_of(_Log(), deliver=deliver, in_flight=in_flight)
    intake.run()
    assert delivered == [100, 100]
