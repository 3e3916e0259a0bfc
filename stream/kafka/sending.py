"""Sends records and waits until Kafka has them."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import Producer

from stream.kafka.records import OutRecord


def send_all(producer: Producer, topic: str, records: Iterable[OutRecord], timeout_s: float) -> str | None:
    """Send records, each stamped by the producer's clock, and wait; blocks.

    Returns:
        None when Kafka has acknowledged all of them, else why not. Some may be on the topic then.

    Raises:
        KafkaException, BufferError: librdkafka takes none.
    """
    failures: list[str] = []
    for record in records:
        producer.produce(
            topic,
            record.value,
            record.key,
            headers=record.headers,
            on_delivery=lambda error, _message: failures.append(error.str()) if error else None,
        )
    left = producer.flush(timeout_s)
    return failures[0] if failures else "time-out" if left else None
