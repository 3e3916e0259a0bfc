"""Reads a topic from the marks in Redis: poll, act, and the mark has moved with what was done.

The truth about what has been dealt with is the mark beside the counters, never the consumer group's offsets: counts
and marks are written in one call and lost together, and what was lost is counted again. Whatever goes wrong has one
remedy, placing: go to the marks and read on from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from alerts.storage.redis_health import in_words
from contracts.errors import Unavailable
from stream.kafka.consumers import CALL_S, is_fatal, within_log
from stream.kafka.polling import EndOfGap, Poller
from stream.kafka.records import Record
from stream.kafka.topic_id import TopicIdentity

_log = logging.getLogger("buzzwatch.stream")

_POLL_S: Final = 0.1
_COMPARE_S: Final = 1.0
_COMMIT_S: Final = 5.0
_AWAY_S: Final = 0.5


@dataclass(frozen=True)
class MarkedBatch:
    """Records of one partition from its mark on. Without records only the mark moves."""

    topic_id: str
    """Kafka's; marks are kept per id, so that a topic that was created again starts afresh."""
    partition: int
    expected: int
    """The mark: offset of the first record that was not dealt with."""
    end: int
    """The mark afterwards."""
    records: Sequence[Record] = ()


class Task(Protocol):
    """What is done with the records. Each may raise RedisError or Unavailable: then all waits and is tried again."""

    def marks(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """The marks in Redis, where there are some."""
        ...

    def act(self, batch: MarkedBatch) -> int:
        """Deal with a batch; returns the mark afterwards, `batch.end` unless Redis stood elsewhere."""
        ...

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        """Deal with the one record on which `act` raises anything else; its batch has been halved down to it."""
        ...


@dataclass(frozen=True)
class Source:
    """Where records come from.

    Attributes:
        consumer: subscribed to nothing yet.
        identity: of the topic.
        end_of_gap: finds the end of a batch that cannot be decoded.
        most: records in a batch.
        give_up_after_s: how long Kafka may be away before `run` raises, seconds.
    """

    topic: str
    consumer: Consumer
    identity: TopicIdentity
    end_of_gap: EndOfGap
    most: int
    give_up_after_s: float


class MarkedConsumer:
    """Hands each committed record of its partitions to a task, in their order, once."""

    def __init__(self, source: Source, task: Task) -> None:
        self._source = source
        self._consumer = source.consumer
        self._poller = Poller(source.consumer, source.end_of_gap)
        self._task = task
        self._topic_id = ""
        self._stopping = threading.Event()
        self._placed = False
        self._marks: dict[int, int] = {}
        """Where each partition stands, as Redis last said."""
        self._guessed: dict[int, int] = {}
        """The copies of the marks, from which the lag is told until Redis answers."""
        self.assignment: list[TopicPartition] = []
        """The partitions that are read now."""
        self.lag = 0
        """Records between the marks and the end of the assigned partitions."""
        self.last_progress = time.monotonic()
        """When something was done, there was nothing to do or Redis was away, monotonic seconds."""

    def owns(self, partition: int) -> bool:
        """Whether this worker reads the partition now."""
        return partition in self._marks

    def stop(self) -> None:
        """Read no more. Any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Read until stopped.

        Raises:
            KafkaException: a fatal error, such as another worker of the same name.
            Unavailable: Kafka has been away for too long.
        """
        topic, identity = self._source.topic, self._source.identity
        self._consumer.subscribe([topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke)
        compared = copied = time.monotonic()
        while not self._stopping.is_set():
            records = self._poller.poll(self._source.most, _POLL_S)
            self.lag = self._poller.lag(self.assignment, self._marks or self._guessed)
            identity.give_up_after(self._source.give_up_after_s)
            if identity.changed():
                _log.warning("%s was deleted and created again; reading the new one from its beginning", topic)
                self._placed = False
            now = time.monotonic()
            try:
                if not self._placed or self._poller.out_of_range:
                    self._place()
                elif records:
                    self._act(records)
                elif now - compared > _COMPARE_S:
                    compared = now
                    self._compare()
            except (redis.RedisError, Unavailable) as error:
                why = f"Redis {in_words(error)}" if isinstance(error, redis.RedisError) else error
                _log.warning("%s waits: %s", topic, why)
                self._wait()
                self.last_progress = time.monotonic()  # no standstill: a new start would wait, too
            except KafkaException as error:
                if is_fatal(error.args[0]):
                    raise
                _log.warning("placing at the marks of %s: %s", topic, error.args[0].str())
                self._wait()
            if now - copied > _COMMIT_S:
                copied = now
                self._copy_marks_for_lag_tools()

    def close(self) -> None:
        """Leave Kafka. A static member keeps its partitions for the session time-out."""
        self._copy_marks_for_lag_tools()
        self._consumer.close()

    def _wait(self) -> None:
        self._placed = False
        self._stopping.wait(_AWAY_S)

    def _on_assign(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self._forget()
        self.assignment = partitions

    def _on_revoke(self, _consumer: Any, _partitions: list[TopicPartition]) -> None:
        self._forget()

    def _forget(self) -> None:
        self.assignment = []
        self._poller.reset()
        self._marks = {}
        self._guessed = {}
        self._placed = False

    def _place(self) -> None:
        """Go to the marks. Until this has worked nothing is done."""
        if not self.assignment:
            return
        topic = self._source.topic
        self._topic_id = self._source.identity.ask()
        partitions = [position.partition for position in self.assignment]
        if not self._marks and not self._guessed:
            # What is read from the copies meanwhile is dropped.
            copies = self._consumer.committed(self.assignment, timeout=CALL_S)
            self._guessed = {copy.partition: max(copy.offset, 0) for copy in copies}
            self._poller.assign([TopicPartition(topic, *copy) for copy in self._guessed.items()])
        marks = dict(self._task.marks(self._topic_id, partitions))
        for partition in self._poller.out_of_range & marks.keys():
            marks[partition] = self._within_log(partition, marks[partition])
        self._poller.assign([TopicPartition(topic, p, marks.get(p, OFFSET_BEGINNING)) for p in partitions])
        self._marks = {partition: marks.get(partition, 0) for partition in partitions}
        self._placed = True
        _log.info("%s is read from %s", topic, self._marks)

    def _within_log(self, partition: int, mark: int) -> int:
        """Where to go on when Kafka has nothing at a mark; Redis is told."""
        start = within_log(self._consumer, TopicPartition(self._source.topic, partition, mark))
        return self._task.act(MarkedBatch(self._topic_id, partition, mark, start))

    def _act(self, records: list[Record]) -> None:
        by_partition: dict[int, list[Record]] = {}
        for record in records:
            by_partition.setdefault(record.partition(), []).append(record)
        for partition, came in by_partition.items():
            if partition not in self._marks:
                continue  # given away while it was polled
            mark = self._marks[partition]
            batch = MarkedBatch(self._topic_id, partition, mark, came[-1].offset() + 1, came)
            after = self._halved(batch)
            if after != batch.end:
                _log.warning(
                    "%s[%d]: Redis stands at %d, not at %d; going there", self._source.topic, partition, after, mark
                )
                self._placed = False
                return
            self._marks[partition] = after
        self.last_progress = time.monotonic()

    def _halved(self, batch: MarkedBatch) -> int:
        """The mark after a batch, of which a record that makes the task raise is rejected."""
        try:
            return self._task.act(batch)
        except (redis.RedisError, KafkaException, Unavailable):
            raise
        except Exception as error:
            if not batch.records:
                raise
            if len(batch.records) == 1:
                [record] = batch.records
                _log.exception("%s[%d]@%d is rejected", record.topic(), record.partition(), record.offset())
                self._task.reject(batch, error)
                return self._task.act(replace(batch, records=()))
        middle = len(batch.records) // 2
        first = replace(batch, end=batch.records[middle].offset(), records=batch.records[:middle])
        after = self._halved(first)
        if after != first.end:
            return after
        return self._halved(replace(batch, expected=after, records=batch.records[middle:]))

    def _compare(self) -> None:
        """A Redis that was restored without a rebalance is noticed although nothing arrives."""
        stored = self._task.marks(self._topic_id, list(self._marks))
        if any(stored.get(partition, 0) != mark for partition, mark in self._marks.items()):
            _log.warning("the marks of %s in Redis have moved; reading the difference again", self._source.topic)
            self._placed = False
        elif self.lag == 0:
            self.last_progress = time.monotonic()

    def _copy_marks_for_lag_tools(self) -> None:
        offsets = [TopicPartition(self._source.topic, *mark) for mark in self._marks.items() if mark[1]]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                _log.debug("copying the marks: %s", error)
