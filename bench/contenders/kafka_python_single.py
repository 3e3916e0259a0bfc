"""The loop of kafka-python's own introduction: one message at a time, offsets committed behind its back."""

from __future__ import annotations

from kafka import KafkaConsumer, KafkaProducer

from bench.functions import CameIn, Work


def main() -> None:
    """Drain until ended."""
    work = Work()
    kafka, topics = work.settings.kafka, work.settings.kafka.topics
    consumer = KafkaConsumer(
        topics.tweets, **kafka.kafka_python(), group_id=work.settings.worker.group, auto_offset_reset="earliest"
    )
    producer = KafkaProducer(
        **kafka.kafka_python(), acks="all", linger_ms=5, batch_size=262_144, compression_type="lz4"
    )
    for one in consumer:
        for record in work([CameIn(one.key, one.value, one.timestamp)]):
            producer.send(
                topics.scored, record.value, record.key, headers=record.headers, timestamp_ms=record.timestamp_ms
            )


if __name__ == "__main__":
    main()
