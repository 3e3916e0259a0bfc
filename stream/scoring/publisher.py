"""Publishes each batch in one Kafka transaction: predictions, dead letters and the offsets of their tweets."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from contracts.errors import Unavailable
from stream.codecs.prediction_encoder import EventBatch
from stream.kafka.librdkafka import LibrdkafkaProducer
from stream.kafka.records import OutRecord, ScoredBatch
from stream.scoring.bulk_producer import compile_bulk_producer, produce_events
from stream.scoring.transactions import insist

_log = logging.getLogger("buzzwatch.stream.publishing")

_NONE: Mapping[int, OutRecord] = MappingProxyType({})
_FULL_S = 0.05


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
            try:
                self._insist(self._producer.begin_transaction, timed=False)
                # The offsets first: they open the transaction and are refused while the markers of the one before are
                # written, every millisecond. Partitions are only asked for again after librdkafka's fixed 20 ms.
                self._insist(
                    self._producer.send_offsets_to_transaction,
                    batch.source.next_offsets(),
                    batch.source.group_metadata,
                    still_needed=lambda: is_current(batch),
                )
                self._produce(self._scored, batch.predictions, batch.instead)
                self._produce(self._dead_letters, batch.dead_letters)
                self._insist(self._producer.commit_transaction)
            except KafkaException as error:
                self._abort(error)
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
        _log.warning("transaction aborted: %s", cause.str())
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
