"""Counts scored tweets into Redis, each record once, and evaluates the rules.

The truth about what has been counted is the mark in Redis beside the counters, never the consumer group's
offsets: counts and marks are written in one call and lost together, and what was lost is counted again.
Whatever goes wrong has one remedy, placing: go to the marks and read on from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import redis
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from alerts.counters.store import CounterStore
from alerts.storage.redis_health import in_words
from contracts.errors import InvalidRecord
from contracts.settings import AlertSettings
from models.base.jit import COMPILED
from stream.codecs.prediction_decoder import ScoredReader, read_one
from stream.codecs.record_times import all_sent_ms, sent_ms
from stream.counting.columnar_tally import tally_columns
from stream.counting.tally import Tally, tally
from stream.kafka.consumers import CALL_S, is_fatal, is_record, lag_of, within_log
from stream.kafka.records import Record
from stream.kafka.topic_id import TopicIdentity
from stream.metrics import WATCHED, WATCHED_UNREADABLE

_log = logging.getLogger("buzzwatch.stream.watching")

_POLL_S = 0.1
_COMPARE_S = 1.0
_COMMIT_S = 5.0
_REDIS_AWAY_S = 0.5
_MAX_BATCH = 20_000
# When behind: a larger batch has fewer cells a tweet, and Redis less to do.


class Watch:
    """Reads `tweets.scored` and adds it to the counters.

    Args:
        consumer: subscribed to nothing yet.
        topic: the scored topic.
        identity: of that topic; marks are kept per id, so that a recreated topic starts afresh.
        counters: where to count.
        settings: lateness and widths.
        give_up_after_s: how long Kafka may be away before `run` raises, seconds.
        counted: called after each batch that was counted.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        *,
        identity: TopicIdentity,
        counters: CounterStore,
        settings: AlertSettings,
        give_up_after_s: float,
        counted: Callable[[], None],
    ) -> None:
        self._consumer = consumer
        self._topic = topic
        self._identity = identity
        self._topic_id = ""
        self._counters = counters
        self._settings = settings
        self._give_up_after_s = give_up_after_s
        self._counted = counted
        self._reader = ScoredReader()
        self._stopping = threading.Event()
        self._placed = False
        self._marks: dict[int, int | None] = {}
        self._copies: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._out_of_range: set[int] = set()
        self.assignment: list[TopicPartition] = []
        """The partitions that are counted now."""
        self.lag = 0
        """Records between what was counted and the end of the assigned partitions."""
        self.last_progress = time.monotonic()
        """When something was counted, there was nothing to count or Redis was away, monotonic seconds."""

    def owns(self, partition: int) -> bool:
        """Whether this worker counts the partition now."""
        return partition in self._marks

    def stop(self) -> None:
        """Count no more. Any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Count until stopped.

        Raises:
            KafkaException: a fatal error, such as another worker of the same name.
            Unavailable: Kafka has been away for too long.
        """
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )
        compared = committed = time.monotonic()
        while not self._stopping.is_set():
            messages = self._poll()
            self._measure()
            self._identity.give_up_after(self._give_up_after_s)
            if self._identity.changed():
                _log.warning("%s was deleted and created again; counting the new one from its beginning", self._topic)
                self._placed = False
            now = time.monotonic()
            try:
                if not self._placed:
                    self._place()
                elif messages:
                    self._count(messages)
                elif now - compared > _COMPARE_S:
                    compared = now
                    self._compare()
            except redis.RedisError as error:
                _log.warning("Redis %s; counting waits", in_words(error))
                self._placed = False
                self.last_progress = time.monotonic()  # waiting for Redis is no standstill: a new start would wait, too
                self._stopping.wait(_REDIS_AWAY_S)
            except KafkaException as error:
                if is_fatal(error.args[0]):
                    raise
                _log.warning("placing at the marks: %s", error.args[0].str())
                self._placed = False
                self._stopping.wait(_REDIS_AWAY_S)
            if now - committed > _COMMIT_S:
                committed = now
                self._copy_marks_for_lag_tools()

    def close(self) -> None:
        """Leave Kafka. A static member keeps its partitions for the session time-out."""
        self._copy_marks_for_lag_tools()
        self._consumer.close()

    def _measure(self) -> None:
        """Publish the lag."""
        known = self._marks or self._copies
        positions = [TopicPartition(self._topic, partition, mark or 0) for partition, mark in known.items()]
        self.lag = lag_of(self._consumer, positions, self._ends if self._marks else {})

    def _poll(self) -> list[Record]:
        first = self._consumer.poll(_POLL_S)
        if first is None:
            return []
        came = [first, *self._consumer.consume(_MAX_BATCH - 1, 0)]
        records = [cast("Record", message) for message in came if message.error() is None]
        if len(records) < len(came):
            for message in came:
                is_record(message, self._ends, self._out_of_range)
        if self._out_of_range:
            self._placed = False
        return records

    def _on_assign(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self.assignment = partitions
        self._marks = {}
        self._placed = False

    def _on_revoke(self, _consumer: Any, _partitions: list[TopicPartition]) -> None:
        self.assignment = []
        self._marks = {}
        self._copies = {}
        self._placed = False

    def _place(self) -> None:
        """Go to the marks. Until this has worked nothing is counted."""
        if not self.assignment:
            return
        self._topic_id = self._identity.ask()
        partitions = [position.partition for position in self.assignment]
        if not self._marks and not self._copies:
            # Until Redis tells the marks, their copies tell the lag; what is read from there meanwhile is dropped.
            copies = self._consumer.committed(self.assignment, timeout=CALL_S)
            self._copies = {copy.partition: max(copy.offset, 0) for copy in copies}
            self._consumer.assign([TopicPartition(self._topic, *copy) for copy in self._copies.items()])
        marks = self._counters.marks(self._topic_id, partitions)
        for partition in self._out_of_range & marks.keys():
            marks[partition] = self._within_log(partition, marks[partition])
        self._consumer.assign(
            [TopicPartition(self._topic, partition, marks.get(partition, OFFSET_BEGINNING)) for partition in partitions]
        )
        self._out_of_range.clear()
        self._marks = {partition: marks.get(partition) for partition in partitions}
        self._ends = {}
        self._placed = True
        _log.info("counting from %s", {partition: mark or 0 for partition, mark in self._marks.items()})

    def _within_log(self, partition: int, mark: int) -> int:
        """Where to go on when Kafka has nothing at a mark; Redis is told."""
        start = within_log(self._consumer, TopicPartition(self._topic, partition, mark))
        return self._counters.add(
            topic_id=self._topic_id, partition=partition, expected=mark, end=start, buckets={}, minutes={}, samples=()
        )

    def _count(self, messages: list[Record]) -> None:
        by_partition: dict[int, list[Record]] = {}
        for message in messages:
            by_partition.setdefault(message.partition(), []).append(message)
        now_ms = int(time.time() * 1000)
        for partition, records in by_partition.items():
            if partition not in self._marks:
                continue  # given away while it was polled
            mark = self._marks[partition]
            end = records[-1].offset() + 1
            counts = tallied(self._reader, records, mark or 0, self._settings, now_ms)
            after = self._counters.add(
                topic_id=self._topic_id,
                partition=partition,
                expected=mark or 0,
                end=end,
                buckets=counts.buckets,
                minutes=counts.minutes,
                samples=counts.samples,
                texts=counts.texts,
                period=counts.period,
                answers=counts.answers,
            )
            if after != end:
                _log.warning("partition %d: Redis stands at %s, not at %s; going there", partition, after, mark)
                self._placed = False
                return
            self._marks[partition] = end
            WATCHED.inc(len(records))
        self.last_progress = time.monotonic()
        self._counted()

    def _compare(self) -> None:
        """A Redis that was restored without a rebalance is noticed although nothing arrives."""
        stored = self._counters.marks(self._topic_id, list(self._marks))
        if any(stored.get(partition) != mark for partition, mark in self._marks.items()):
            _log.warning("the marks in Redis have moved; counting the difference again")
            self._placed = False
        elif self.lag == 0:
            self.last_progress = time.monotonic()

    def _copy_marks_for_lag_tools(self) -> None:
        offsets = [TopicPartition(self._topic, p, mark) for p, mark in self._marks.items() if mark is not None]
        if offsets:
            try:
                self._consumer.commit(offsets=offsets, asynchronous=True)
            except KafkaException as error:
                _log.debug("copying the marks: %s", error)


def tallied(reader: ScoredReader, records: list[Record], since: int, settings: AlertSettings, now_ms: int) -> Tally:
    """Count the records of a partition from the offset `since` on; what is no prediction is skipped and logged."""
    if records[0].offset() < since:
        records = [record for record in records if record.offset() >= since]

    def skip(row: int, error: InvalidRecord) -> None:
        # Not ours: somebody else writes to this topic. It stays there for whoever wants to see it.
        record = records[row]
        WATCHED_UNREADABLE.inc()
        _log.warning("%s[%d]@%d is skipped: %s", record.topic(), record.partition(), record.offset(), error)

    values = [record.value() for record in records]
    stamps = [record.timestamp()[1] for record in records]
    if COMPILED:
        columns = reader.read(values, stamps, skip)
        columns = columns._replace(stamps=all_sent_ms(columns.stamps, columns.created, now_ms))
        return tally_columns(columns, settings, now_ms)
    predictions = []
    for row, (value, stamp) in enumerate(zip(values, stamps, strict=True)):
        try:
            prediction, created_ms = read_one(value)
            predictions.append((prediction, sent_ms(stamp, created_ms, now_ms)))
        except InvalidRecord as error:
            skip(row, error)
    return tally(predictions, settings, now_ms)
