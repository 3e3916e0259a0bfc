"""Reads topics for commands: without a consumer group, without commits, committed records only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException, TopicPartition

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.kafka.consumers import CALL_S, reader
from stream.kafka.polling import Poller, end_of_undecodable
from stream.kafka.records import Record

_SILENCE_S = 30.0
"""Without a record for so long, reading up to the end is given up: longer than a broker's restart takes."""
_MOST = 500
"""Records of one poll; what is printed first should not wait for more."""


def follow(
    settings: Settings, topic: str, *, from_beginning: bool, until_end: bool, idle: Callable[[], object] | None = None
) -> Iterator[Record]:
    """Records of a topic in the order of each partition, read_committed.

    Args:
        settings: where Kafka is.
        topic: what to read.
        from_beginning: start with the oldest record instead of the next one.
        until_end: stop at what was the end when it began.
        idle: called a few times a second while no record comes.

    Raises:
        Unavailable: Kafka does not answer or has no such topic; with `until_end` also when it falls silent before the
            end. Without it, waits for records of a quiet topic.
    """
    try:
        consumer = reader(settings)
    except KafkaException as error:  # such as a certificate that is not there
        raise Unavailable(f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}") from None
    try:
        partitions = _partitions(consumer, topic)
        start = OFFSET_BEGINNING if from_beginning else OFFSET_END
        poller = Poller(consumer, partial(end_of_undecodable, settings), raise_errors=True)
        poller.assign([TopicPartition(topic, p, start) for p in partitions])
        read_at = time.monotonic()
        while not until_end or len(poller.ends) < len(partitions):
            known = len(poller.ends)
            records = poller.poll(_MOST, 0.2)
            yield from records
            poller.look_up_positions(topic)
            if records or len(poller.ends) > known:
                read_at = time.monotonic()  # after the yield: the time that the reader takes is no silence
                continue
            if idle is not None:
                idle()
            if until_end and time.monotonic() - read_at > _SILENCE_S:
                # librdkafka does not report through `poll` that its brokers are away.
                raise Unavailable(_silent(settings, topic, set(partitions) - set(poller.ends)))
    except KafkaException as error:
        raise Unavailable(
            f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}; start it with `buzzwatch up`"
            " or set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"
        ) from None
    finally:
        consumer.close()


def _silent(settings: Settings, topic: str, unfinished: set[int]) -> str:
    partitions = ", ".join(map(str, sorted(unfinished)))
    return (
        f"Kafka at {settings.kafka.bootstrap_servers} has sent nothing for {_SILENCE_S:g} s; not read to the end:"
        f" {topic}, partitions {partitions}; see `buzzwatch doctor`"
    )


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    deadline = time.monotonic() + CALL_S
    while True:
        found = consumer.list_topics(topic, timeout=CALL_S).topics[topic]
        if found.error is None and found.partitions:
            return sorted(found.partitions)
        if time.monotonic() > deadline:
            raise Unavailable(f"Kafka has no topic {topic}: run `buzzwatch topics create`")
        time.sleep(0.2)
