"""Record batches, as they are passed from the consumer to the scorer to the publisher."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from confluent_kafka import TopicPartition

Headers = list[tuple[str, str | bytes | None]]


class Record(Protocol):
    """A record read from Kafka: the part of confluent-kafka's `Message` that is used here."""

    def topic(self) -> str:
        """Topic name."""
        ...

    def partition(self) -> int:
        """Partition number."""
        ...

    def offset(self) -> int:
        """Offset in the partition."""
        ...

    def key(self) -> bytes | None:
        """Key, unchanged."""
        ...

    def value(self) -> bytes | None:
        """Value, unchanged; None for a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Headers in their order."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds since 1970."""
        ...


class OutRecord(NamedTuple):
    """A record to publish. `timestamp_ms` 0 leaves it to the producer's clock."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records polled in one go, with what is needed to commit them.

    The group metadata is that of the poll: captured at the commit instead, a worker could commit a partition
    that it has lost in between.
    """

    messages: Sequence[Record]
    epoch: int
    group_metadata: Any
    topic_id: str = ""

    def next_offsets(self) -> list[TopicPartition]:
        """The offsets to commit: one past the last record of each partition, with the id of the topic beside it."""
        last: dict[tuple[str, int], int] = {}
        for message in self.messages:
            last[message.topic(), message.partition()] = message.offset()
        return [
            TopicPartition(topic, partition, offset + 1, self.topic_id) for (topic, partition), offset in last.items()
        ]


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """A scored batch: each of its records is in exactly one of the two lists."""

    source: RecordBatch
    predictions: Sequence[OutRecord]
    dead_letters: list[OutRecord]
