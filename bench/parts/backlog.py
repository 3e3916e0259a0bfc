"""Tweets that appear in a topic all at once: produced in a Kafka transaction, readable when it is committed.

So the producer's own work is over before a measurement begins.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Final, Self

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from bench.stage.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

_TRANSACTION_MS: Final = 600_000
_CALL_S: Final = 60.0


class Backlog:
    """Tweets in the topic of the settings, not readable yet.

    Args:
        settings: of the run.
        records: key and value of each.

    Attributes:
        count: how many.
        ends: one past the last of them, by partition.
    """

    def __init__(self, settings: Settings, records: Iterable[tuple[bytes, bytes]]) -> None:
        self._settings = settings
        self._producer = Producer(
            settings.kafka.librdkafka_producer()
            | {
                "transactional.id": f"bench-{time.monotonic_ns()}",
                "transaction.timeout.ms": _TRANSACTION_MS,
                "linger.ms": 20,
                "batch.size": 500_000,
                "log_level": 0,
            }
        )
        topic = settings.kafka.topics.tweets
        before = ends(settings, topic)
        self._producer.init_transactions(_CALL_S)
        self._producer.begin_transaction()
        self.count = produce_all(self._producer, topic, records)
        self.ends = {partition: end for partition, end in ends(settings, topic).items() if end > before[partition]}

    @classmethod
    def of(cls, settings: Settings, count: int, *, characters: int | None = None, live: bool = False) -> Self:
        """Invented tweets."""
        return cls(settings, tweets(count, characters=characters, live=live))

    def release(self) -> float:
        """Make them readable.

        Returns:
            Monotonic seconds at which they were.
        """
        self._producer.commit_transaction(_CALL_S)
        return time.monotonic()


class Offsets:
    """How far a consumer group has come in a topic."""

    def __init__(self, settings: Settings, group: str) -> None:
        self._where = [
            TopicPartition(settings.kafka.topics.tweets, partition)
            for partition in range(settings.kafka.topics.partitions)
        ]
        # A reader of committed records waits for transactions that are about to commit offsets; these are all we want.
        self._consumer = Consumer(
            settings.kafka.librdkafka() | {"group.id": group, "isolation.level": "read_uncommitted", "log_level": 0}
        )

    def now(self) -> dict[int, int]:
        """Committed offset of each partition that has one."""
        try:
            found = self._consumer.committed(self._where, timeout=5)
        except KafkaException:  # the coordinator moves or is still loading
            return {}
        return {one.partition: one.offset for one in found if one.error is None and one.offset >= 0}

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()


def produce_all(producer: Producer, topic: str, records: Iterable[tuple[bytes, bytes]]) -> int:
    """Produce and wait for the acknowledgements; how many there were.

    Raises:
        BuzzwatchError: Kafka did not take them all.
    """
    count = 0
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        count += 1
    if left := producer.flush(_CALL_S):
        raise BuzzwatchError(f"Kafka did not acknowledge {left:,} of {count:,} tweets within {_CALL_S:.0f} s")
    return count


def ends(settings: Settings, topic: str) -> dict[int, int]:
    """The end of each partition, what is not committed yet included."""
    consumer = Consumer(
        settings.kafka.librdkafka() | {"group.id": "bench-ends", "isolation.level": "read_uncommitted", "log_level": 0}
    )
    try:
        where = (TopicPartition(topic, partition) for partition in range(settings.kafka.topics.partitions))
        return {one.partition: consumer.get_watermark_offsets(one, timeout=10)[1] for one in where}
    finally:
        consumer.close()
