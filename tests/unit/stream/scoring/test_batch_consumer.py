from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

from stream.kafka.topic_id import TopicIdentity
from stream.scoring.batch_consumer import Intake
from stream.scoring.batch_size import BatchSize
from stream.scoring.in_flight import InFlight


class _Kafka:
    """A consumer of one partition that holds the offsets 100 to 200."""

    def __init__(self, committed: int, metadata: str) -> None:
        self._committed = committed, metadata
        self.starts: list[int] = []

    def committed(self, partitions: list[TopicPartition], **_: Any) -> list[TopicPartition]:
        return [TopicPartition("tweets", one.partition, *self._committed) for one in partitions]

    def get_watermark_offsets(self, _: TopicPartition, **__: Any) -> tuple[int, int]:
        return 100, 200

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.starts += [one.offset for one in partitions]


def _intake(kafka: _Kafka, settled: list[bool]) -> Intake:
    intake = Intake(
        cast("Consumer", kafka),
        "tweets",
        identity=cast("TopicIdentity", SimpleNamespace(ask=lambda: "this")),
        batch_size=BatchSize(10),
        in_flight=InFlight(4),
        deliver=lambda batch: None,
        wait_for_publisher=settled.pop,
        check=lambda: None,
        end_of_gap=lambda gap: gap.offset + 1,
        give_up_after_s=1,
    )
    intake.assignment = [TopicPartition("tweets", 0)]
    intake.rewind()
    return intake


def test_nothing_is_read_again_while_the_offsets_of_a_batch_are_on_their_way() -> None:
    kafka = _Kafka(150, "this")
    intake = _intake(kafka, settled=[True, False])
    intake._seek_to_committed()
    assert kafka.starts == []
    intake._seek_to_committed()
    assert kafka.starts == [150]


@pytest.mark.parametrize(
    ("committed", "of", "start"),
    [
        (150, "this", 150),
        (-1001, "", OFFSET_BEGINNING),
        (150, "one that was deleted", OFFSET_BEGINNING),
        (50, "this", 100),
        (300, "this", 200),
        (300, "", OFFSET_BEGINNING),
    ],
)
def test_where_kafka_has_nothing_it_goes_on_with_the_nearest_record_of_this_topic(
    committed: int, of: str, start: int
) -> None:
    kafka = _Kafka(committed, of)
    intake = _intake(kafka, settled=[True])
    intake._out_of_range.add(0)
    intake._seek_to_committed()
    assert kafka.starts == [start]
