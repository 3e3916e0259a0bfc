"""Reads topics for people: no group, nothing committed, committed records only."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, TopicPartition

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.kafka.records import Record

_CALL_S = 5.0
_SILENCE_S = 30.0


def follow(settings: Settings, topic: str, *, from_beginning: bool, until_end: bool) -> Iterator[Record]:
    """Records of a topic as they come, read_committed.

    Args:
        settings: where Kafka is.
        topic: what to read.
        from_beginning: start with the oldest record instead of the next one.
        until_end: stop at what was the end when it began.

    Raises:
        Unavailable: Kafka does not answer or has no such topic; with `until_end` also when it falls silent before the
            end. Without, a quiet topic is waited for.
    """
    consumer = _consumer(settings)
    try:
        partitions = _partitions(consumer, topic)
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        consumer.assign([TopicPartition(topic, p, start) for p in partitions])
        unfinished = set(partitions)
        heard_at = time.monotonic()
        while unfinished or not until_end:
            message = consumer.poll(0.2)
            if message is None:
                # librdkafka does not say through `poll` that its brokers have gone.
                if until_end and time.monotonic() - heard_at > _SILENCE_S:
                    raise Unavailable(_silent(settings, topic, unfinished))
                continue
            error = message.error()
            if error is None:
                yield cast("Record", message)
            elif error.code() == KafkaError._PARTITION_EOF:
                unfinished.discard(message.partition())
            else:
                raise KafkaException(error)
            heard_at = time.monotonic()  # after the yield: the time that the reader takes is no silence
    except KafkaException as error:
        raise Unavailable(
            f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}; start it with `buzzwatch up`"
            " or set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"
        ) from None
    finally:
        consumer.close()


def _consumer(settings: Settings) -> Consumer:
    try:
        return Consumer(
            settings.kafka.librdkafka()
            | {
                "group.id": "buzzwatch-follow",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,  # a partition that ends in a transaction marker has no last record
                "fetch.wait.max.ms": 100,
                "log_level": 2,  # that Kafka has gone is for us to say
            }
        )
    except KafkaException as error:  # such as a certificate that is not there
        raise Unavailable(f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}") from None


def _silent(settings: Settings, topic: str, unfinished: set[int]) -> str:
    partitions = ", ".join(map(str, sorted(unfinished)))
    return (
        f"Kafka at {settings.kafka.bootstrap_servers} has sent nothing for {_SILENCE_S:g} s; not read to the end:"
        f" {topic}, partitions {partitions}; see `buzzwatch doctor`"
    )


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    deadline = time.monotonic() + _CALL_S
    while True:
        found = consumer.list_topics(topic, timeout=_CALL_S).topics[topic]
        if found.error is None and found.partitions:
            return sorted(found.partitions)
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka has no topic {topic}: run `buzzwatch topics create`")
        time.sleep(0.2)
