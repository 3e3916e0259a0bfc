"""The topic `labels`: writing to it and reading all of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec
from confluent_kafka import KafkaException, Producer

from contracts.errors import InvalidRecord, Unavailable
from contracts.learning.labels import InvalidLabel, LabelEvent, decode_label, with_a_time
from contracts.settings import Settings
from learning.labels.resolution import Resolution, resolve
from stream.kafka.records import OutRecord
from stream.kafka.sending import send_all
from stream.kafka.topic_reader import follow

_log = logging.getLogger("buzzwatch.learning")

_TIMEOUT_S: Final = 10.0
_PART: Final = 1000
"""Records between two looks at the producer's reports."""
_encoder: Final = msgspec.json.Encoder()


class LabelWriter:
    """Writes label events, each acknowledged by all in-sync replicas."""

    def __init__(self, settings: Settings, *, timeout_s: float = _TIMEOUT_S) -> None:
        self._topic = settings.kafka.topics.labels
        self._servers = settings.kafka.bootstrap_servers
        self._timeout_s = timeout_s
        self._config = settings.kafka.librdkafka_producer() | {
            "acks": "all",
            "linger.ms": 0,
            "message.timeout.ms": max(1, round(timeout_s * 1000)),
            "log_level": 0,
        }
        self._producer: Producer | None = None
        self._lock = threading.Lock()

    def write(self, events: Sequence[LabelEvent], written: Callable[[int], object] = lambda _: None) -> None:
        """Returns when Kafka has acknowledged all of them; blocks.

        Args:
            written: called with how many more were acknowledged.

        Raises:
            InvalidLabel: one says too little, or what its reader would pass over; nothing is written.
            Unavailable: Kafka has not acknowledged all. Some may be on the topic; written again they count once.
        """
        records = [_record(event) for event in events]
        try:
            with self._lock:
                producer = self._producer = self._producer or Producer(self._config)
            for start in range(0, len(events), _PART):
                part = records[start : start + _PART]
                if problem := send_all(producer, self._topic, part, self._timeout_s + 1):
                    raise self._away(problem)
                written(len(part))
        except (KafkaException, BufferError) as error:
            raise self._away(str(error)) from None

    def _away(self, why: str) -> Unavailable:
        self._producer = None  # after a fatal error it would never recover
        return Unavailable(
            f"Kafka at {self._servers} has not acknowledged the labels within {self._timeout_s:g} s ({why}); is the "
            f"topic {self._topic} there (`buzzwatch topics create`)? Send them again: each counts once"
        )


def _record(event: LabelEvent) -> OutRecord:
    """Raises InvalidLabel where its reader would not take it: limits are checked when JSON is read only."""
    try:
        value = _encoder.encode(event)
    except UnicodeEncodeError:
        raise InvalidLabel("not a label event: a text or an id is no Unicode (a lone surrogate)") from None
    decode_label(value)
    return OutRecord(event.key.encode(), value, [], 0)


def resolved_labels(settings: Settings, unreadable: Callable[[str], object] | None = None) -> Resolution:
    """What holds of all that was said so far; the arguments and errors are those of `read_labels`."""
    return resolve(read_labels(settings, unreadable), settings.learning)


def read_labels(settings: Settings, unreadable: Callable[[str], object] | None = None) -> Iterator[LabelEvent]:
    """All events that are there now, in their order.

    Args:
        unreadable: receives a line for each record that is none; logged when not given. It stays on the topic.

    Raises:
        Unavailable: Kafka does not answer or has no such topic.
    """
    for record in follow(settings, settings.kafka.topics.labels, from_beginning=True, until_end=True):
        try:
            yield with_a_time(decode_label(record.value()))
        except InvalidRecord as error:
            line = f"{record.topic()}[{record.partition()}]@{record.offset()} is no label and is passed over: {error}"
            (unreadable or _log.warning)(line)
