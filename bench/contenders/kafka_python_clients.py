"""What both kafka-python contenders share: consumer, producer and the sending of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kafka import KafkaConsumer, KafkaProducer

from bench.stage.functions import CameIn, Work


class Clients:
    """A consumer of the tweets, with more of its arguments, and a producer that lingers and compresses."""

    def __init__(self, **consuming: Any) -> None:
        self._work = Work()
        kafka, topics = self._work.settings.kafka, self._work.settings.kafka.topics
        self._scored = topics.scored
        self.consumer = KafkaConsumer(
            topics.tweets,
            **kafka.kafka_python(),
            group_id=self._work.settings.worker.group,
            auto_offset_reset="earliest",
            **consuming,
        )
        self.producer = KafkaProducer(
            **kafka.kafka_python(), acks="all", linger_ms=5, batch_size=262_144, compression_type="lz4"
        )

    def score(self, records: Iterable[Any]) -> None:
        """Score and send; nothing is awaited."""
        for key, value, headers, timestamp_ms in self._work(
            [CameIn(one.key, one.value, one.timestamp) for one in records]
        ):
            self.producer.send(self._scored, value, key, headers=headers, timestamp_ms=timestamp_ms)
