"""Quix Streams: one `apply`, at least once, as its documentation writes one."""

from __future__ import annotations

from typing import Any

from quixstreams import Application

from bench.stage.functions import CameIn, Work
from stream.kafka.records import OutRecord


def main() -> None:
    """Drain until ended."""
    work = Work()
    topics = work.settings.kafka.topics
    app = Application(
        broker_address=work.settings.kafka.bootstrap_servers,
        consumer_group=work.settings.worker.group,
        auto_offset_reset="earliest",
        auto_create_topics=False,
        producer_extra_config={"linger.ms": 5, "compression.type": "lz4"},
        loglevel="WARNING",
    )
    tweets = app.topic(topics.tweets, key_deserializer="bytes", value_deserializer="bytes")
    scored = app.topic(topics.scored, key_serializer="bytes", value_serializer="bytes")

    def score(value: bytes, key: bytes, timestamp: int, _headers: Any) -> OutRecord:
        return work([CameIn(key, value, timestamp)])[0]

    def headers(record: OutRecord, *_: Any) -> Any:
        return record.headers

    def value(record: OutRecord) -> bytes | None:
        return record.value

    app.dataframe(tweets).apply(score, metadata=True).set_headers(headers).apply(value).to_topic(scored)
    app.run()


if __name__ == "__main__":
    main()
