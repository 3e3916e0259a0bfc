"""librdkafka consumers with static membership, whose offsets only we commit."""

from __future__ import annotations

import logging
import time
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.stream")

CALL_S = 5.0
"""Time-out of a request to Kafka. A broker that is up answers in milliseconds."""

_NO_LEADER: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)
_ASKED_AGAIN_S: Final = 0.1

_READING = {
    "isolation.level": "read_committed",
    "enable.auto.commit": False,
    # A partition often ends in a transaction marker, which is never delivered: only this event marks the end.
    "enable.partition.eof": True,
    "fetch.wait.max.ms": 100,  # librdkafka's 500 would delay the end-of-partition event of a quiet topic
    # A missing position may be one of a deleted topic, or one that librdkafka made up behind a damaged batch
    # (`Poller._stays`). The caller decides where to go on.
    "auto.offset.reset": "error",
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
        # Callers report that Kafka is away themselves; librdkafka would log it on standard error too.
        | {"group.id": "buzzwatch-follow", "log_level": 2, "check.crcs": True}
    )


def batch_consumer(settings: Settings, group: str, instance: str, *, check_crcs: bool = False) -> Consumer:
    """A consumer that keeps its partitions over a restart, and reads committed records only.

    Args:
        settings: where Kafka is.
        group: the consumer group.
        instance: its name in the group.
        check_crcs: recompute the checksum of each batch, so that bits that changed on a broker's disk are noticed even
            where the batch can still be decoded.
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
            "check.crcs": check_crcs,
            "enable.auto.offset.store": False,
            # These two keep the batches of a busy topic full: fetch ahead, and resume soon after a full queue.
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
    """Whether a consumer cannot go on, for example because another one of the same name has replaced it."""
    return error.fatal() or error.code() in (KafkaError._FATAL, KafkaError.FENCED_INSTANCE_ID)


def log_bounds(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """The oldest offset of a partition, and the one behind its newest record.

    A partition that was just created, or whose broker has died, has no leader for a moment: it is asked again.

    Raises:
        KafkaException: Kafka does not answer, or the partition has no leader for `CALL_S`.
    """
    deadline = time.monotonic() + CALL_S
    while True:
        try:
            low, high = consumer.get_watermark_offsets(place, timeout=CALL_S)
        except KafkaException as error:
            if error.args[0].code() not in _NO_LEADER or time.monotonic() > deadline:
                raise
            time.sleep(_ASKED_AGAIN_S)
        else:
            return low, high


def within_log(consumer: Consumer, position: TopicPartition) -> int:
    """The offset to go on from when Kafka has nothing at a position of this very topic.

    Either retention has deleted the record: the oldest one left is next. Or Kafka has lost the end of its log, as a
    machine that loses power can: the lost records were processed, so the new end is next, not the oldest record.

    Raises:
        KafkaException: Kafka does not answer.
    """
    low, high = log_bounds(consumer, position)
    if position.offset > high:
        _log.error(
            "%s[%d] ends at offset %d, before the next offset to read (%d): Kafka has lost the end of its log."
            " Reading goes on at the end; records that are lost in Kafka stay lost",
            position.topic, position.partition, high, position.offset,
        )  # fmt: skip
    return min(max(position.offset, low), high)


def _log_error(error: Any) -> None:
    if error.code() != KafkaError._ALL_BROKERS_DOWN:
        _log.warning("a Kafka consumer reports: %s; librdkafka connects again by itself", error.str())
