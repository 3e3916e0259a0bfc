"""librdkafka consumers that survive restarts: static membership, nothing committed behind our back."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.stream")

CALL_S = 5.0
"""Time-out of a question to Kafka."""


def batch_consumer(settings: Settings, role: str, instance: str) -> Consumer:
    """A consumer of the group `<group>-<role>` that keeps its partitions over a restart.

    It reads committed records only, from the earliest one that nobody has dealt with.
    """
    group = f"{settings.worker.group}-{role}"
    return Consumer(
        settings.kafka.librdkafka()
        | {
            "group.id": group,
            "group.instance.id": f"{group}-{instance}",
            "client.id": f"{group}-{instance}",
            "session.timeout.ms": int(settings.worker.session_timeout_s * 1000),
            "heartbeat.interval.ms": int(settings.worker.session_timeout_s * 1000 / 4),
            "partition.assignment.strategy": "range",
            "isolation.level": "read_committed",
            # A position that is not there may be one of a topic that was deleted: whoever reads decides.
            "auto.offset.reset": "error",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            # A partition often ends in a transaction marker, which is never delivered: only this event tells.
            "enable.partition.eof": True,
            # A quiet topic is asked again at once, a busy one fills its batches.
            "fetch.wait.max.ms": 100,
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


def is_record(message: Message, ends: dict[int, int], out_of_range: set[int]) -> bool:
    """Whether a polled message is a record; other events are logged.

    Args:
        message: as it was polled.
        ends: takes the end of a partition.
        out_of_range: takes a partition that has nothing at our position, because it was deleted or created again.

    Raises:
        KafkaException: the consumer is of no more use.
    """
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:
        ends[cast("int", message.partition())] = cast("int", message.offset())
    elif error.code() == KafkaError._AUTO_OFFSET_RESET:
        out_of_range.add(cast("int", message.partition()))
        _log.warning("%s[%s]: %s", message.topic(), message.partition(), error.str())
    elif is_fatal(error):
        raise KafkaException(error)
    else:
        _log.warning("polling %s: %s", message.topic(), error.str())
    return False


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


def lag_of(consumer: Consumer, positions: Iterable[TopicPartition], ends: Mapping[int, int]) -> int:
    """Records between positions and the ends of their partitions, from librdkafka's cache.

    To be called by the thread that polls and no other: calls on one consumer wait for each other, and a probe must
    not wait for a poll.
    """
    total = 0
    for position in positions:
        _, high = consumer.get_watermark_offsets(position, cached=True)
        total += max(high - max(position.offset, ends.get(position.partition, 0)), 0)
    return total


def _log_error(error: Any) -> None:
    if error.code() != KafkaError._ALL_BROKERS_DOWN:
        _log.warning("Kafka: %s", error.str())
