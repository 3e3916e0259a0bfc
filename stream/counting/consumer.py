"""Counts scored tweets into Redis, each record once."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from prometheus_client import Counter

from alerts.counters.counts import ALL_THEMES, UNRELIABLE
from alerts.counters.store import CounterStore
from contracts.errors import InvalidRecord
from contracts.settings import AlertSettings
from contracts.times import clock_ms
from stream.codecs.prediction_decoder import ScoredReader
from stream.codecs.record_times import all_sent_ms
from stream.counting.marked_consumer import MarkedBatch
from stream.counting.tally import Tally, tally_columns
from stream.kafka.records import Record
from stream.metrics import COUNT_DELAY, WATCH_TWEETS, WATCHED, WATCHED_UNREADABLE
from stream.sparse_log import SparseLog

_log = logging.getLogger("buzzwatch.stream.watching")


class CountPredictions:
    """Adds predictions to the counters: the task that the watch role's consumer runs.

    Args:
        counters: where to count.
        settings: lateness and widths.
        counted: called after each batch that was counted.
        seen: receives the records of one partition that were counted; must be quick and raise nothing.
    """

    def __init__(
        self,
        counters: CounterStore,
        settings: AlertSettings,
        counted: Callable[[], None],
        seen: Callable[[Sequence[Record]], None] = lambda _: None,
    ) -> None:
        self._counters = counters
        self._settings = settings
        self._counted = counted
        self._seen = seen
        self._reader = ScoredReader()
        self._unreadable_log = SparseLog(_log)

    def marks(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """The marks that Redis keeps beside the counters."""
        return self._counters.marks(topic_id, partitions)

    def act(self, batch: MarkedBatch) -> int:
        """Count a batch and move its mark in one call."""
        counts = Tally()
        if batch.records:
            counts = tallied(self._reader, list(batch.records), batch.expected, self._settings, clock_ms(), self._skip)
            self._unreadable_log.flush()
        after = self._counters.add(
            topic_id=batch.topic_id,
            partition=batch.partition,
            expected=batch.expected,
            end=batch.end,
            buckets=counts.buckets,
            minutes=counts.minutes,
            samples=counts.samples,
            voices=counts.voices,
            answers=counts.answers,
        )
        if after == batch.end and batch.records:
            WATCHED.inc(len(batch.records))
            _publish(counts, batch.records[-1])
            self._counted()
            self._seen(batch.records)
        return after

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        """Skip a record that is no prediction of ours. It stays in its topic and can be read there."""
        for record in batch.records:
            self._skip(record, error)

    def _skip(self, record: Record, error: Exception) -> None:
        WATCHED_UNREADABLE.inc()
        self._unreadable_log.warning(
            "%s[%d]@%d is no prediction and is not counted: %s",
            record.topic(), record.partition(), record.offset(), error, kind=error,
        )  # fmt: skip


def _publish(counts: Tally, newest: Record) -> None:
    """What Prometheus shows of a batch that was counted."""
    for cell, number in counts.minutes.items():
        if cell.theme == ALL_THEMES:
            _series(cell.watch, cell.sentiment).inc(number)
    _, sent_ms = newest.timestamp()
    if sent_ms > 0:
        COUNT_DELAY.observe(max(0.0, time.time() - sent_ms / 1000))


@lru_cache(maxsize=20_000)
def _series(watch: str, sentiment: str) -> Counter:
    """Remembered, as `labels` costs more than counting."""
    reliable = "false" if sentiment.endswith(UNRELIABLE) else "true"
    return WATCH_TWEETS.labels(watch, sentiment.removesuffix(UNRELIABLE), reliable)


def tallied(
    reader: ScoredReader,
    records: list[Record],
    since: int,
    settings: AlertSettings,
    now_ms: int,
    unreadable: Callable[[Record, Exception], None] = lambda _record, _error: None,
) -> Tally:
    """Count the records of a partition from the offset `since` on; what is no prediction is skipped and reported."""
    if records[0].offset() < since:
        records = [record for record in records if record.offset() >= since]

    def skip(row: int, error: InvalidRecord) -> None:
        unreadable(records[row], error)

    values = [record.value() for record in records]
    stamps = [record.timestamp()[1] for record in records]
    columns = reader.read(values, stamps, skip)
    columns = columns._replace(stamps=all_sent_ms(columns.stamps, columns.created, now_ms))
    return tally_columns(columns, settings, now_ms)
