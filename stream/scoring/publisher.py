"""Publishes each batch in one Kafka transaction: predictions, dead letters and the offsets of their tweets.

The events of a batch are produced in one call of compiled code. The table of arguments for `rd_kafka_produceva` is
filled in once, and for each event only what differs is written into it: 0.4 µs an event, without the interpreter's
lock; docs/decisions/by-hand.md has the alternatives.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from contracts.errors import Unavailable
from models.base.jit import compiled
from stream.codecs.cloud_events import LENGTH, cloud_event_headers
from stream.codecs.prediction_encoder import EventBatch
from stream.kafka.librdkafka import ARGUMENT_BYTES, LIBRARY, LibrdkafkaProducer, arguments, is_enqueued
from stream.kafka.records import HandedOutTwice, OutRecord, ScoredBatch
from stream.scoring.transactions import insist

_log = logging.getLogger("buzzwatch.stream.publishing")

_NONE: Mapping[int, OutRecord] = MappingProxyType({})
_FULL_S: Final = 0.05
"""Wait for room in the queue of the producer."""

# Rows of the table in words of eight bytes, as `arguments` orders them. A row is its kind, then pointer and size of a
# value or a key, the timestamp, or name, pointer and size of a header.
_ROW_VALUE, _ROW_KEY, _ROW_TIMESTAMP, _ROW_HEADERS = 0, 1, 2, 5
_WIDTH: Final = ARGUMENT_BYTES // 8


class Aborted(Exception):
    """The transaction was aborted; the batch is to be read again from the committed offsets."""


class Publisher:
    """Publishes scored batches, one transaction each.

    Args:
        producer: a transactional producer.
        scored: topic of the predictions.
        dead_letters: topic of the dead letters.
        give_up_after_s: how long Kafka may be away before `Unavailable` is raised, seconds.
        stuck_after_s: a call that lasts so long will not return: with its own limit of 5 s, librdkafka returns
            within 10.
    """

    def __init__(
        self,
        producer: LibrdkafkaProducer,
        *,
        scored: str,
        dead_letters: str,
        give_up_after_s: float,
        stuck_after_s: float = 20.0,
    ) -> None:
        self._producer = producer
        self._scored = scored
        self._dead_letters = dead_letters
        self._give_up_after_s = give_up_after_s
        self._stuck_after_s = stuck_after_s
        self._in_flight = threading.Lock()
        self._calling_since: float | None = None
        self._epoch = -1
        self._reached: dict[int, int] = {}
        """By partition the offset behind what was committed in this epoch."""
        compile_bulk_producer()  # not under the first batch

    def publish(self, batch: ScoredBatch, is_current: Callable[[ScoredBatch], bool]) -> bool:
        """Publish a batch, unless it has been dropped in the meantime.

        Returns:
            True when the transaction is committed, False when the batch was no longer current.

        Raises:
            Aborted: nothing of the batch is visible; read again from the committed offsets.
            Unavailable: Kafka has been away for too long.
            KafkaException: fatal; this producer has been fenced or is broken.
        """
        with self._in_flight:
            if not is_current(batch):
                return False
            source = batch.source
            if source.epoch != self._epoch:
                self._epoch, self._reached = source.epoch, {}
            try:
                ends = source.next_offsets(self._reached)
            except HandedOutTwice as error:
                _log.warning("%s was handed out a second time; reading goes on at the committed offsets", error)
                raise Aborted(f"{error} was handed out a second time") from None
            try:
                self._insist(self._producer.begin_transaction, timed=False)
                # The offsets first: they open the transaction and are refused while the markers of the one before are
                # written, every millisecond. Partitions are only asked for again after librdkafka's fixed 20 ms.
                self._insist(
                    self._producer.send_offsets_to_transaction,
                    [TopicPartition(source.topic, *end, source.topic_id) for end in ends.items()],
                    source.group_metadata,
                    still_needed=lambda: is_current(batch),
                )
                self._produce(self._scored, batch.predictions, batch.instead)
                self._produce(self._dead_letters, batch.dead_letters)
                self._insist(self._producer.commit_transaction)
            except KafkaException as error:
                self._abort(error)
            self._reached |= ends
        return True

    def check(self) -> None:
        """See that the call under way is not stuck. Any thread.

        After a broker's restart `send_offsets_to_transaction` may block for ever, whatever its time-out
        (librdkafka issues 5456 and 5511, open in November 2026). Nothing but the end of the process ends the call; what
        was open is aborted by the next start.

        Raises:
            Unavailable: it is.
        """
        since = self._calling_since
        if since is not None and time.monotonic() - since > self._stuck_after_s:
            raise Unavailable(f"the Kafka client has not come back from a call for {self._stuck_after_s:.0f} s")

    def settle(self, timeout_s: float) -> bool:
        """Wait until no transaction is in flight. Returns False when one still is after `timeout_s`."""
        if not self._in_flight.acquire(timeout=timeout_s):
            return False
        self._in_flight.release()
        return True

    def _produce(self, topic: str, records: Sequence[OutRecord], instead: Mapping[int, OutRecord] = _NONE) -> None:
        if isinstance(records, EventBatch):
            enqueued = 0
            for stop in (*sorted(instead), len(records)):  # in order: two tweets of one id stay as they came
                while (enqueued := produce_events(self._producer, topic, records, enqueued, stop)) < stop:
                    self._producer.poll(_FULL_S)
                if stop in instead:
                    self._produce_one(topic, instead[stop])
                    enqueued = stop + 1
        else:
            for row, record in enumerate(records):
                self._produce_one(topic, instead.get(row, record))
        self._producer.poll(0)

    def _produce_one(self, topic: str, record: OutRecord) -> None:
        while not self._producer.produce(topic, record):
            self._producer.poll(_FULL_S)

    def _abort(self, error: KafkaException) -> None:
        cause: KafkaError = error.args[0]
        if cause.fatal() or cause.code() == KafkaError._FENCED:
            raise error
        hint = "; `buzzwatch doctor` names the limit" if "size too large" in cause.str() else ""
        _log.warning("transaction aborted: %s%s", cause.str(), hint)
        self._insist(self._producer.abort_transaction)
        raise Aborted(cause.str()) from None

    def _insist(
        self, call: Callable[..., Any], *args: Any, timed: bool = True, still_needed: Callable[[], bool] = lambda: True
    ) -> None:
        def noted(*args: Any) -> None:
            self._calling_since = time.monotonic()
            try:
                call(*args)
            finally:
                self._calling_since = None

        insist(self._give_up_after_s, noted, *args, timed=timed, still_needed=still_needed)


def _produceva() -> Any:
    """`rd_kafka_produceva` for compiled code, by its name, so that what is compiled can be kept on disk."""
    from llvmlite import binding  # type: ignore[import-untyped]
    from numba import types

    binding.load_library_permanently(LIBRARY)
    return types.ExternalFunction("rd_kafka_produceva", types.intp(types.intp, types.intp, types.intp))


_rd_kafka_produceva: Any = _produceva()


@compiled
def _produce_rows(
    handle: int, table: Any, id_row: int, starts: Any, bounds: Any, keys: Any, timestamps: Any, at: int
) -> Any:
    """Produce events from `at` on; the number of the first that was not, and its rd_kafka_error_t * (0: none).

    Args:
        handle: rd_kafka_t *.
        table: (rows, `_WIDTH`). id_row: the header with the identifier.
        starts: where the events, the keys, the identifiers and the table lie.
        bounds, keys: of the events and of the keys, a NUL after each key.
    """
    while at < len(timestamps):
        table[_ROW_VALUE, 1] = starts[0] + bounds[at]
        table[_ROW_VALUE, 2] = bounds[at + 1] - bounds[at]
        table[_ROW_KEY, 1] = starts[1] + keys[at]
        table[_ROW_KEY, 2] = keys[at + 1] - 1 - keys[at]
        table[_ROW_TIMESTAMP, 1] = timestamps[at]
        table[id_row, 2] = starts[2] + LENGTH * at
        error = _rd_kafka_produceva(handle, starts[3], len(table))
        if error != 0:
            return at, error
        at += 1
    return at, 0


def compile_bulk_producer() -> None:
    """Compile now, once per machine, or load what was compiled."""
    none = np.zeros(0, np.int64)
    _produce_rows(0, np.zeros((1, _WIDTH), np.int64), 0, none, none, none, none, 0)


def produce_events(
    producer: LibrdkafkaProducer, topic: str, events: EventBatch, at: int, stop: int | None = None
) -> int:
    """Enqueue the events from number `at` up to `stop`, all of them without it.

    Returns the number of the first that is not enqueued: less than `stop` when the queue is full.

    Raises:
        KafkaException: any other error.
    """
    [headers] = cloud_event_headers([b" " * LENGTH], events.scored_at)
    rows, _run = arguments(topic, OutRecord(b"", b"", headers, 0))
    table = np.frombuffer(bytearray(rows), np.int64).reshape(-1, _WIDTH)
    id_row = _ROW_HEADERS + [name for name, _ in headers].index("ce_id")
    runs = (events.data, events.keys.data, events.identifiers, table)
    starts = np.array([run.ctypes.data for run in runs], np.int64)
    at, error = _produce_rows(
        producer.handle, table, id_row, starts, events.bounds, events.keys.bounds, events.timestamps[:stop], at
    )
    is_enqueued(error)
    return int(at)
