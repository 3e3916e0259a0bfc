"""Publishes dead letters outside a transaction, for the roles that have no transactional producer."""

from __future__ import annotations

from collections.abc import Sequence

from confluent_kafka import Producer

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.kafka.records import OutRecord
from stream.kafka.sending import send_all


class DeadLetterProducer:
    """Publishes dead letters and waits until Kafka has acknowledged them."""

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka.topics.dead_letters
        self._timeout_s = settings.worker.session_timeout_s
        # No linger: the caller waits for the acknowledgement, and nothing else would fill the batch.
        self._producer = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 0})

    def send(self, letters: Sequence[OutRecord]) -> None:
        """Publish dead letters; blocks.

        Raises:
            Unavailable: Kafka has not acknowledged all of them. Some may be on the topic.
        """
        if problem := send_all(self._producer, self._topic, letters, self._timeout_s):
            self._producer.purge()
            raise Unavailable(f"Kafka has not acknowledged dead letters: {problem}")
