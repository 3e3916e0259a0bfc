"""Reads the dead letters from their topic, for display and for replay."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from confluent_kafka import KafkaException, TopicPartition

from contracts.errors import BuzzwatchError, Unavailable
from contracts.settings import Settings
from contracts.times import clock_ms, to_rfc3339
from stream.codecs.record_times import is_plausible
from stream.kafka.consumers import CALL_S, log_bounds, reader
from stream.kafka.polling import Poller, end_of_undecodable
from stream.kafka.records import Headers, Record, headers_of
from stream.kafka.topic_id import TopicIdentity
from stream.kafka.topic_reader import follow

_POSITION = re.compile(r"(\d{1,9}):(\d{1,18})")


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter, as its headers describe it. `position` is `partition:offset` in `dead-letters`."""

    position: str
    at: str | None
    error_class: str
    error: str
    source: str
    attempts: int
    bytes: int
    key: str | None
    value: str | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def dead_letters(settings: Settings) -> Iterator[DeadLetter]:
    """All dead letters that are there now, oldest first per partition."""
    return map(described, records(settings))


def newest(settings: Settings, most: int) -> tuple[list[DeadLetter], int]:
    """The newest dead letters, newest first, without reading the others; and about how many there are in all.

    Raises:
        Unavailable: Kafka does not answer, or sends none of them within seconds.
    """
    topic = settings.kafka.topics.dead_letters
    consumer = reader(settings)
    try:
        partitions = consumer.list_topics(topic, timeout=CALL_S).topics[topic].partitions
        bounds = {one: log_bounds(consumer, TopicPartition(topic, one)) for one in partitions}
        filled = {one: (low, high) for one, (low, high) in bounds.items() if high > low}
        starts = [TopicPartition(topic, one, max(low, high - most)) for one, (low, high) in filled.items()]
        poller = Poller(consumer, partial(end_of_undecodable, settings), raise_errors=True)
        poller.assign(starts)
        found: list[DeadLetter] = []
        deadline = time.monotonic() + CALL_S
        # The end of a partition may be a transaction's marker, which is never delivered: `ends` tells.
        while starts and len(poller.ends) < len(starts):
            if time.monotonic() > deadline:
                raise Unavailable(f"Kafka at {settings.kafka.bootstrap_servers} is slow to send dead letters")
            found += map(described, poller.poll(500, 0.2))
            poller.look_up_positions(topic)
    except KafkaException as error:
        raise Unavailable(f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}") from None
    finally:
        consumer.close()
    ranked = sorted(found, key=lambda letter: letter.at or "", reverse=True)
    return ranked[:most], sum(high - low for low, high in filled.values())


def records(settings: Settings) -> Iterator[Record]:
    """All dead letters as records: key, value and headers in bytes.

    Letters that arrive while it reads are left out, so that a replay does not read the letters that it causes.
    """
    topic = settings.kafka.topics.dead_letters
    ends: dict[int, int] = {}
    for message in follow(settings, topic, from_beginning=True, until_end=True):
        ends = ends or _ends(settings, topic)
        if message.offset() < ends.get(message.partition(), 0):
            yield message


def _ends(settings: Settings, topic: str) -> dict[int, int]:
    consumer = reader(settings)
    try:
        partitions = consumer.list_topics(topic, timeout=CALL_S).topics[topic].partitions
        return {partition: log_bounds(consumer, TopicPartition(topic, partition))[1] for partition in partitions}
    except KafkaException as error:
        raise Unavailable(f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}") from None
    finally:
        consumer.close()


def record_at(settings: Settings, position: str) -> Record:
    """The dead letter at a position.

    Raises:
        BuzzwatchError: it is no position, or there is no letter (any more).
    """
    expected = checked_position(position)
    for message in records(settings):
        if position_of(message) == expected:
            return message
    raise BuzzwatchError(nothing_at(settings, expected))


def position_of(message: Record) -> str:
    """`partition:offset`."""
    return f"{message.partition()}:{message.offset()}"


def checked_position(position: str) -> str:
    """A position given by a user, in the form of `position_of`.

    Raises:
        BuzzwatchError: it is none.
    """
    if match := _POSITION.fullmatch(position):
        return f"{int(match[1])}:{int(match[2])}"
    raise BuzzwatchError(f"{position!r} is no position: one looks like 0:17, as `buzzwatch dlq list` shows it")


def nothing_at(settings: Settings, position: str) -> str:
    """The message for a position without a letter."""
    hours = settings.kafka.topics.dead_letter_retention_hours
    return f"there is no dead letter at {position}; they are kept for {hours} hours, see `buzzwatch dlq list`"


def log_id(settings: Settings) -> str:
    """Kafka's id of the topic: a position identifies a letter only together with it.

    Raises:
        Unavailable: Kafka does not answer or has no such topic.
    """
    try:
        return TopicIdentity(settings, settings.kafka.topics.dead_letters).ask()
    except KafkaException as error:
        raise Unavailable(f"Kafka at {settings.kafka.bootstrap_servers}: {error.args[0].str()}") from None


def header(headers: Headers | None, name: str) -> str | None:
    """The last header of this name as text."""
    found = [text_of(value) for key, value in headers or [] if key == name]
    return found[-1] if found else None


def text_of(value: bytes | str | None) -> str | None:
    """Bytes as text; bytes that are not UTF-8 become U+FFFD."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def sent_at(message: Record) -> str | None:
    """When a letter was sent, RFC 3339; None when Kafka does not know, or says what cannot be."""
    timestamp_ms = message.timestamp()[1]
    return to_rfc3339(timestamp_ms) if is_plausible(timestamp_ms, clock_ms()) else None


def described(message: Record) -> DeadLetter:
    """A letter for display."""
    headers = headers_of(message)

    def text(name: str) -> str:
        return header(headers, name) or "?"

    value, attempts = message.value(), text("attempts")
    return DeadLetter(
        position=position_of(message),
        at=sent_at(message),
        error_class=text("error-class"),
        error=text("error"),
        source=f"{text('source-topic')}[{text('source-partition')}]@{text('source-offset')}",
        attempts=int(attempts) if attempts.isdecimal() and len(attempts) < 10 else 0,
        bytes=len(value or b""),
        key=text_of(message.key()),
        value=text_of(value),
    )
