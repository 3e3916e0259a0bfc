"""A kafka-python loop over polled batches: send all, wait for Kafka, commit. At least once."""

from __future__ import annotations

from kafka import KafkaConsumer, KafkaProducer

from bench.functions import CameIn, Work


def main() -> None:
    """Drain until ended."""
    work = Work()
    kafka, topics = work.settings.kafka, work.settings.kafka.topics
    consumer = KafkaConsumer(
        topics.tweets,
        **kafka.kafka_python(),
        group_id=work.settings.worker.group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = KafkaProducer(
        **kafka.kafka_python(), acks="all", linger_ms=5, batch_size=262_144, compression_type="lz4"
    )
    while True:
        polled = consumer.poll(timeout_ms=200, max_records=4000)
        came = [CameIn(one.key, one.value, one.timestamp) for records in polled.values() for one in records]
        if not came:
            continue
        for record in work(came):
            producer.send(
                topics.scored, record.value, record.key, headers=record.headers, timestamp_ms=record.timestamp_ms
            )
        producer.flush()
        consumer.commit()


if __name__ == "__main__":
    main()
