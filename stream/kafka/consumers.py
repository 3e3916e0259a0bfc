"""librdkafka consumers that survive restarts: static membership, nothing committed behind our back."""

from __future__ import annotations

import logging
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.stream")

CALL_S = 5.0
"""Time-out of a question to Kafka."""

_READING = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    # A partition often ends in a transaction marker, which is never delivered: only this event tells.
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,  # a quiet topic is asked again at once
}
"""What all our consumers have in common."""


def reader(settings: Settings) -> Consumer:
    """A consumer without a group, for partitions that it is assigned; it commits nothing.

    Raises:
        KafkaException: a setting, such as a certificate that is not there.
    """
    return Consumer(
        settings.kafka.librdkafka()
        | _READING
        # That Kafka has gone is for us to say.
        | {"group.id": "buzzwatch-follow", "auto.offset.reset": "earliest", "log_level": 2}
    )


def batch_consumer(settings: Settings, group: str, instance: str) -> Consumer:
    """A consumer of a group that keeps its partitions over a restart.

    It reads committed records only, from the earliest one that nobody has dealt with.
    """
    return Consumer(
        settings.kafka.librdkafka()
        | {
            "group.id": group,
            "group.instance.id": f"{group}-{instance}",
            "client.id": f"{group}-{instance}",
            "session.timeout.ms": int(settings.worker.session_timeout_s * 1000),
            "heartbeat.interval.ms": int(settings.worker.session_timeout_s * 1000 / 4),
            "partition.assignment.strategy": "range",
            **_READING,
            # A position that is not there may be one of a topic that was deleted: whoever reads decides.
            "auto.offset.reset": "error",
            "enable.auto.offset.store": False,
            # A busy topic fills its batches.
            "fetch.queue.backoff.ms": 10,
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 65_536,
            "reconnect.backoff.max.ms": 2_000,
            # A topic that was deleted and created again is read again within seconds instead of five minutes.
            "topic.metadata.refresh.interval.ms": 5_000,
            "error_cb": _log_error,
        }
    )


def is_fatal(error: KafkaError) -> bool:
    """Whether a consumer is of no more use: another one of the same name has taken its place, say."""
    return error.fatal() or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)


def within_log(consumer: Consumer, position: TopicPartition) -> int:
    """The offset to go on from when Kafka has nothing at a position of this very topic.

    Retention has passed it: the oldest record is the next one. Or Kafka has lost the end of its log, as a machine that
    loses power can: what was there has been dealt with, so the end is next, and not once more everything before it.

    Raises:
        KafkaException: Kafka does not answer.
    """
    low, high = consumer.get_watermark_offsets(position, timeout=CALL_S)
    if position.offset > high:
        _log.error(
            "%s[%d] ends at %d, and %d was the next record: Kafka has lost the end of its log; going on from there",
            position.topic, position.partition, high, position.offset,
        )  # fmt: skip
    return min(max(position.offset, low), high)


def _log_error(error: Any) -> None:
    if error.code() != KafkaError._ALL_BROKERS_DOWN:
        _log.warning("Kafka: %s", error.str())
