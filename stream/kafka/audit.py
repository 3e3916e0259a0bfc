"""Writes and reads the topic `audit`.

An event that Kafka does not take is kept in Redis, or in a file of the data folder, and sent before the next one: what
was done is done, whether or not Kafka is there to hear of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import filelock
import redis
from confluent_kafka import KafkaException, Producer

from alerts.storage.audit_waiting import WaitingEvents
from contracts.audit import AuditEvent, decode_audit
from contracts.errors import Unavailable, UnreadableRecord
from contracts.settings import Settings
from stream.kafka.records import OutRecord
from stream.kafka.sending import send_all
from stream.kafka.topic_reader import follow

TIMEOUT_S: Final = 5.0
"""How long a writer waits for Kafka's acknowledgement."""
_WAITING: Final = "audit-waiting.jsonl"
_LOCK_S: Final = 10.0


class AuditLog:
    """Writes events, and waits until all in-sync replicas have them.

    Args:
        settings: where.
        timeout_s: how long Kafka may take.
        stored: those that wait in Redis; without it they wait in a file alone.
    """

    def __init__(
        self, settings: Settings, *, timeout_s: float = TIMEOUT_S, stored: WaitingEvents | None = None
    ) -> None:
        self._settings = settings
        self._stored = stored
        self._topic = settings.kafka.topics.audit
        self._timeout_s = timeout_s
        self.waiting = settings.local.data_dir / _WAITING
        """Where events are kept that Kafka has not taken yet."""

    def send(self, events: Sequence[AuditEvent]) -> None:
        """Write events; some may be on the topic when it raises. Send them again then: their ids are the same.

        Raises:
            Unavailable: Kafka has not acknowledged all of them.
        """
        records = (OutRecord(one.subject.encode(), one.model_dump_json().encode(), [], 0) for one in events)
        try:
            producer = Producer(
                self._settings.kafka.librdkafka_producer()
                | {"acks": "all", "message.timeout.ms": round(self._timeout_s * 1000), "log_level": 0}
            )
            problem = send_all(producer, self._topic, records, self._timeout_s + 1)
        except (BufferError, KafkaException) as error:
            raise self._away(str(error.args[0])) from None
        if problem:
            producer.purge()
            raise self._away(problem)

    def record(self, event: AuditEvent) -> str | None:
        """Write an event, behind those that wait; where Kafka does not take it, keep it for the next time.

        Returns:
            None when Kafka has it, else one line for a person: why not, and where it is kept.
        """
        try:
            if self._stored is not None:
                return self._record_stored(self._stored, event)
        except redis.RedisError:
            pass  # then as without it
        try:
            with self._locked():
                waiting = self._kept()
                try:
                    self.send([*waiting, event])
                except Unavailable as error:
                    self._keep(event)
                    return f"{error}; the event is kept in {self.waiting} and sent with the next one"
                self.waiting.unlink(missing_ok=True)
                return None
        except (OSError, filelock.Timeout) as error:
            why = getattr(error, "strerror", None) or str(error)
            try:
                self.send([event])
            except Unavailable as away:
                return f"{away}; nor can it be kept in {self.waiting} ({why}): {event.model_dump_json()}"
            return None

    def send_due(self) -> None:
        """Send those that have waited in Redis for a while.

        Raises:
            Unavailable: Kafka has not acknowledged all of them; they go on waiting.
            RedisError: Redis does not answer.
        """
        if self._stored is not None and (due := self._stored.due()):
            self.send(due)
            self._stored.drop(due)

    def _record_stored(self, stored: WaitingEvents, event: AuditEvent) -> str | None:
        stored.keep(event)
        events = [*(one for one in stored.due() if one.id != event.id), event]
        try:
            self.send(events)
        except Unavailable as error:
            return f"{error}; the event is kept in Redis and sent with the next one"
        stored.drop(events)
        return None

    def _kept(self) -> list[AuditEvent]:
        if not self.waiting.exists():
            return []
        events = []
        for line in self.waiting.read_bytes().splitlines():
            try:
                events.append(decode_audit(line))
            except UnreadableRecord:
                continue  # cut off by a crash, or somebody's edit: the others are sent
        return events

    def _keep(self, event: AuditEvent) -> None:
        with self.waiting.open("ab") as file:
            file.write(b"\n" * (file.tell() > 0) + event.model_dump_json().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.waiting.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self.waiting.with_suffix(".lock"), timeout=_LOCK_S):
            yield

    def _away(self, why: str) -> Unavailable:
        return Unavailable(
            f"Kafka at {self._settings.kafka.bootstrap_servers} has not taken the event for the topic {self._topic}"
            f" within {self._timeout_s:g} s ({why})"
        )


def audit_events(settings: Settings, unreadable: Callable[[str], object] | None = None) -> Iterator[AuditEvent]:
    """All events that are on the topic now, in the order in which they were written, each once.

    Args:
        settings: where.
        unreadable: takes a line about each record that is no event.

    Raises:
        Unavailable: Kafka does not answer, or has no such topic.
    """
    seen = set()
    for record in follow(settings, settings.kafka.topics.audit, from_beginning=True, until_end=True):
        try:
            event = decode_audit(record.value())
        except UnreadableRecord as error:  # somebody else's
            if unreadable is not None:
                unreadable(
                    f"{settings.kafka.topics.audit}[{record.partition()}]@{record.offset()} is no event: {error}"
                )
            continue
        if event.id not in seen:
            seen.add(event.id)
            yield event
