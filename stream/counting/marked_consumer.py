"""Reads a topic from the marks in Redis: poll, process, and the mark moves in the same call that writes the result.

A mark is the offset up to which a partition has been counted. It is stored beside the counters and is the only record
of what has been processed; the consumer group's offsets are copies for lag tools. Counts and marks are written in one
call and lost together, so lost counts are counted again. Every error is handled in one way: seek to the marks in Redis
and read on from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from alerts.storage.foreign import ForeignDataError
from alerts.storage.redis_health import in_words
from contracts.errors import Unavailable
from stream.kafka.consumers import CALL_S, is_fatal, within_log
from stream.kafka.polling import EndOfGap, Poller
from stream.kafka.records import Record
from stream.kafka.topic_id import TopicIdentity

_log = logging.getLogger("buzzwatch.stream")

_POLL_S: Final = 0.1
"""Longest wait for a record; also how soon a stop is noticed."""
_COMPARE_S: Final = 1.0
"""How often an idle consumer checks that Redis still has the marks that it knows: see `_compare`."""
_COMMIT_S: Final = 5.0
"""How often the marks are copied to Kafka, as often as Kafka's own clients commit by default."""
_RETRY_S: Final = 0.5
"""Pause after an error of Redis or Kafka."""


@dataclass(frozen=True)
class MarkedBatch:
    """Records of one partition from its mark on. Without records only the mark moves."""

    topic_id: str
    """Kafka's id of the topic. Marks are kept per id, so that a topic that was created again is read from its start."""
    partition: int
    expected: int
    """The mark before: offset of the first record that is not processed yet."""
    end: int
    """The mark afterwards."""
    records: Sequence[Record] = ()


class Task(Protocol):
    """Processes the records. A RedisError or Unavailable means: wait, then read again from the marks."""

    def marks(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """The marks in Redis, of those partitions that have one."""
        ...

    def act(self, batch: MarkedBatch) -> int:
        """Process a batch; returns the mark afterwards: `batch.end`, or Redis's mark where that is not `expected`."""
        ...

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        """Handle the one record on which `act` raises any other error; the batch has been halved down to it."""
        ...


@dataclass(frozen=True)
class Source:
    """The topic to read, and how.

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
    """Passes each committed record of its partitions to a task once, in the order of the partition.

    Args:
        source: what to read.
        task: what to do with it.
        failed: called once, in any thread, when it cannot go on.
    """

    def __init__(self, source: Source, task: Task, failed: Callable[[Exception], None]) -> None:
        self._failed = failed
        self._source = source
        self._consumer = source.consumer
        self._poller = Poller(source.consumer, source.end_of_gap)
        self._task = task
        self._topic_id = ""
        self._stopping = threading.Event()
        self._placed = False
        self._marks: dict[int, int] = {}
        """The mark of each partition, as Redis last returned it."""
        self._guessed: dict[int, int] = {}
        """Copies of the marks in Kafka, from which the lag is computed until Redis answers."""
        self._returned: dict[int, int] = {}
        """Per partition the offset behind the last record that was polled since the partition was placed."""
        self.assignment: list[TopicPartition] = []
        """The partitions that are read now."""
        self.lag = 0
        """Records between the marks and the end of the assigned partitions."""
        self.held_back: str | None = None
        """As of `Poller`."""
        self._foreign: str | None = None
        self.last_progress = time.monotonic()
        """When a batch was last processed, there was none, or Redis was away, monotonic seconds."""

    @property
    def partitions(self) -> int:
        """How many partitions are assigned; feedback has one, so most workers have none of it."""
        return len(self.assignment)

    @property
    def is_behind(self) -> bool:
        """Whether records wait to be processed."""
        return self.lag > 0

    @property
    def redis_problem(self) -> str | None:
        """What stands in Redis in place of our marks or counts; None when they can be read."""
        return self._foreign

    def owns(self, partition: int) -> bool:
        """Whether this worker reads the partition now."""
        return partition in self._marks

    def stop(self) -> None:
        """Read no more. Any thread."""
        self._stopping.set()

    def read(self) -> None:
        """Read until stopped, then leave Kafka: the target of a thread."""
        try:
            self.run()
            self.close()
        except Exception as error:
            self._failed(error)

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
            records = _by_partition(self._poller.poll(self._source.most, _POLL_S))
            self._returned |= {partition: polled[-1].offset() + 1 for partition, polled in records.items()}
            self.lag = self._poller.lag(self.assignment, self._marks or self._guessed, self._returned)
            self.held_back = self._poller.held_back(topic)
            if self.held_back is not None:
                _log.warning("%s", self.held_back)
            identity.give_up_after(self._source.give_up_after_s)
            if identity.changed():
                _log.warning("topic %s was deleted and created again; the new one is read from its beginning", topic)
                self._poller.created_again()
                self._placed = False
            now = time.monotonic()
            try:
                if not self._placed or self._poller.out_of_range:
                    self._place()
                elif records or self._poller.skipped:
                    self._act(records)
                elif now - compared > _COMPARE_S:
                    compared = now
                    self._compare()
                    self._foreign = None
            except (redis.RedisError, Unavailable) as error:
                why = f"Redis {in_words(error)}" if isinstance(error, redis.RedisError) else error
                _log.warning("counting %s is paused and tried again: %s", topic, why)
                if isinstance(error, ForeignDataError):
                    self._foreign = f"counting {topic} is paused: {why}"
                self._wait()
                self.last_progress = time.monotonic()  # the worker is not stuck: after a restart it would wait as well
            except KafkaException as error:
                if is_fatal(error.args[0]):
                    raise
                _log.warning("cannot seek to the marks of %s, tried again: %s", topic, error.args[0].str())
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
        self._stopping.wait(_RETRY_S)

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
        self._returned = {}
        self._placed = False

    def _place(self) -> None:
        """Seek to the marks. No record is processed before this has succeeded."""
        if not self.assignment:
            return
        topic = self._source.topic
        self._topic_id = self._source.identity.ask()
        partitions = [position.partition for position in self.assignment]
        if not self._marks and not self._guessed:
            # Redis may be away. Reading from the copies shows the lag; records polled before `_placed` are dropped.
            copies = self._consumer.committed(self.assignment, timeout=CALL_S)
            self._guessed = {copy.partition: max(copy.offset, 0) for copy in copies}
            self._poller.assign([TopicPartition(topic, *copy) for copy in self._guessed.items()])
        marks = dict(self._task.marks(self._topic_id, partitions))
        for partition in self._poller.out_of_range & marks.keys():
            marks[partition] = self._within_log(partition, marks[partition])
        self._poller.assign([TopicPartition(topic, p, marks.get(p, OFFSET_BEGINNING)) for p in partitions])
        self._marks = {partition: marks.get(partition, 0) for partition in partitions}
        self._returned = {}
        self._placed = True
        _log.info("%s is read from these offsets per partition: %s", topic, self._marks)

    def _within_log(self, partition: int, mark: int) -> int:
        """The offset to go on from when Kafka has no record at a mark; moves the mark in Redis there."""
        start = within_log(self._consumer, TopicPartition(self._source.topic, partition, mark))
        return self._task.act(MarkedBatch(self._topic_id, partition, mark, start))

    def _act(self, records: Mapping[int, Sequence[Record]]) -> None:
        for partition, polled in records.items():
            if partition not in self._marks:
                continue  # revoked while it was polled
            mark = self._marks[partition]
            if polled[0].offset() < mark:
                _log.warning(
                    "%s[%d]@%d was handed out a second time; reading goes on at the mark in Redis",
                    self._source.topic, partition, polled[0].offset(),
                )  # fmt: skip
                self._placed = False
                return
            batch = MarkedBatch(self._topic_id, partition, mark, polled[-1].offset() + 1, polled)
            after = self._halved(batch)
            if after != batch.end:
                _log.warning(
                    "%s[%d]: the mark in Redis is %d, expected was %d; reading goes on at the mark in Redis",
                    self._source.topic, partition, after, mark,
                )  # fmt: skip
                self._placed = False
                return
            self._marks[partition] = after
        for partition, end in self._poller.skipped.items():
            # So that a batch that cannot be decoded is not met again after a restart where nothing follows it.
            if partition in self._marks:
                self._marks[partition] = self._task.act(
                    MarkedBatch(self._topic_id, partition, self._marks[partition], end)
                )
                self._placed &= self._marks[partition] == end
        self.last_progress = time.monotonic()
        self._foreign = None

    def _halved(self, batch: MarkedBatch) -> int:
        """Process a batch, halved while the task raises; reject the record at fault. Returns the mark after it."""
        try:
            return self._task.act(batch)
        except (redis.RedisError, KafkaException, Unavailable):
            raise
        except Exception as error:
            if not batch.records:
                raise
            if len(batch.records) == 1:
                [record] = batch.records
                _log.exception(
                    "%s[%d]@%d cannot be processed and is rejected; the next record follows",
                    record.topic(), record.partition(), record.offset(),
                )  # fmt: skip
                self._task.reject(batch, error)
                return self._task.act(replace(batch, records=()))
        middle = len(batch.records) // 2
        first = replace(batch, end=batch.records[middle].offset(), records=batch.records[:middle])
        after = self._halved(first)
        if after != first.end:
            return after
        return self._halved(replace(batch, expected=after, records=batch.records[middle:]))

    def _compare(self) -> None:
        """Detect a Redis that was restored from a backup while no record arrives."""
        stored = self._task.marks(self._topic_id, list(self._marks))
        if any(stored.get(partition, 0) != mark for partition, mark in self._marks.items()):
            _log.warning(
                "the marks of %s in Redis have changed, as after a restored backup; reading again from them",
                self._source.topic,
            )
            self._placed = False
        elif self.lag == 0:
            self.last_progress = time.monotonic()

    def _copy_marks_for_lag_tools(self) -> None:
        offsets = [TopicPartition(self._source.topic, *mark) for mark in self._marks.items() if mark[1]]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                _log.debug("the marks of %s cannot be copied to Kafka, tried again: %s", self._source.topic, error)


def _by_partition(records: Sequence[Record]) -> dict[int, list[Record]]:
    found: dict[int, list[Record]] = {}
    for record in records:
        found.setdefault(record.partition(), []).append(record)
    return found
