"""Publishes each batch in one Kafka transaction: predictions, dead letters and the offsets that they came from."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.codecs.prediction_encoder import EventBatch
from stream.kafka.records import OutRecord, ScoredBatch
from stream.scoring.bulk_producer import BulkProduce

_log = logging.getLogger("buzzwatch.stream.publishing")

_CALL_S = 5.0
_STUCK_S = 20.0
"""A call that lasts so long will not return: with its own limit of 5 s, librdkafka comes back within 10."""
_RETRY_S = 0.2


class Aborted(Exception):
    """The transaction was aborted; the batch is to be read again from the committed offsets."""


def transactional_producer(settings: Settings, instance: str) -> Producer:
    """A producer whose `transactional.id` is the same after a restart, so that a stale one is fenced."""
    return Producer(
        settings.kafka.librdkafka_producer()
        | {
            "transactional.id": f"{settings.worker.group}-score-{instance}",
            "transaction.timeout.ms": int(settings.worker.transaction_timeout_s * 1000),
            "client.id": f"{settings.worker.group}-score-{instance}",
            "compression.type": "lz4",
            "linger.ms": 5,
            # A transaction right behind another is refused for the few ms in which Kafka writes the markers; with
            # librdkafka's 100 ms each one took 100 ms. It doubles with each try, so a broker that is away is spared.
            "retry.backoff.ms": 1,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1_048_576,
            "reconnect.backoff.max.ms": 2_000,
        }
    )


def fence(producer: Producer, give_up_after_s: float) -> None:
    """Keep whoever had this transactional id before from writing, and abort what it left open.

    Raises:
        Unavailable: Kafka has been away for too long.
        KafkaException: Kafka refuses.
    """
    _insist(give_up_after_s, producer.init_transactions)


class Publisher:
    """Publishes scored batches, one transaction each.

    Args:
        producer: a transactional producer.
        scored: topic of the predictions.
        dead_letters: topic of the dead letters.
        give_up_after_s: how long Kafka may be away before `Unavailable` is raised, seconds.
    """

    def __init__(
        self,
        producer: Producer,
        *,
        scored: str,
        dead_letters: str,
        give_up_after_s: float,
    ) -> None:
        self._producer = producer
        self._scored = scored
        self._dead_letters = dead_letters
        self._give_up_after_s = give_up_after_s
        self._in_flight = threading.Lock()
        self._calling_since: float | None = None
        self._bulk = BulkProduce(producer) if BulkProduce.possible(producer) else None

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
                    wanted=lambda: is_current(batch),
                )
                self._produce(self._scored, batch.predictions)
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
        if since is not None and time.monotonic() - since > _STUCK_S:
            raise Unavailable(f"the Kafka client has not come back from a call for {_STUCK_S:.0f} s")

    def settle(self, timeout_s: float) -> bool:
        """Wait until no transaction is in flight. Returns False when one still is after `timeout_s`."""
        if not self._in_flight.acquire(timeout=timeout_s):
            return False
        self._in_flight.release()
        return True

    def _produce(self, topic: str, records: Sequence[OutRecord]) -> None:
        if isinstance(records, EventBatch) and self._bulk is not None:
            enqueued = 0
            while (enqueued := self._bulk.produce(topic, records, enqueued)) < len(records):
                self._producer.poll(0.05)
            self._producer.poll(0)
            return
        produce = self._producer.produce
        for key, value, headers, timestamp_ms in records:
            while True:
                try:
                    produce(topic, value, key, headers=headers, timestamp=timestamp_ms)
                    break
                except BufferError:
                    self._producer.poll(0.05)
        self._producer.poll(0)

    def _abort(self, error: KafkaException) -> None:
        cause: KafkaError = error.args[0]
        if cause.fatal() or cause.code() == KafkaError._FENCED:
            raise error
        _log.warning("transaction aborted: %s", cause.str())
        self._insist(self._producer.abort_transaction)
        raise Aborted(cause.str()) from None

    def _insist(
        self, call: Callable[..., Any], *args: Any, timed: bool = True, wanted: Callable[[], bool] = lambda: True
    ) -> None:
        def noted(*args: Any) -> None:
            self._calling_since = time.monotonic()
            try:
                call(*args)
            finally:
                self._calling_since = None

        _insist(self._give_up_after_s, noted, *args, timed=timed, wanted=wanted)


def _insist(
    give_up_after_s: float,
    call: Callable[..., Any],
    *args: Any,
    timed: bool = True,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Make a transactional call again while librdkafka says that it may be, up to the limit, and while it is wanted."""
    since = time.monotonic()
    while True:
        try:
            call(*args, _CALL_S) if timed else call(*args)
            return
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if not cause.retriable() or not wanted():
                raise
            away_s = time.monotonic() - since
            if away_s > give_up_after_s:
                raise Unavailable(f"Kafka has not answered for {away_s:.0f} s: {cause.str()}") from None
            _log.warning("Kafka does not answer, trying again: %s", cause.str())
            time.sleep(_RETRY_S)
