"""Polls record batches and owns the consumer: assignment, revocation, rewinding after an abort.

Everything here but `rewind` and `stop` runs in the intake's own thread, as librdkafka's callbacks do.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaException, TopicPartition

from stream.kafka.consumers import CALL_S, within_log
from stream.kafka.polling import EndOfGap, Poller
from stream.kafka.records import RecordBatch
from stream.kafka.topic_id import TopicIdentity
from stream.scoring.flow_control import BatchSize, InFlight

_log = logging.getLogger("buzzwatch.stream.intake")

_POLL_S = 0.1
"""Longest wait for a record; also how soon a stop or a rewind is noticed."""
_RETRY_S = 0.5
"""Pause after a failed request for the committed offsets."""
_LAG_EVERY_S = 0.25
"""How often the lag is computed: several times within a scrape interval of Prometheus, at little cost."""
_SMALL = 1000
"""A batch of fewer records is committed before the next is polled: a batch polled sooner would only wait behind it, and
records that arrive meanwhile behind both. After a larger batch the next is polled at once and scored while the first is
published."""
_WAIT_FOR_COMMIT_S = 1.0
"""Longest that polling waits for the batch before. The consumer must go on polling while Kafka hangs, or its group
removes it."""


class Intake:
    """Polls batches of a topic and passes them on.

    An *epoch* is one period of uninterrupted reading. A rebalance or an aborted transaction starts a new epoch;
    batches of an older one are dropped wherever they are.

    Args:
        consumer: subscribed to nothing yet.
        topic: what to read.
        identity: of that topic. Offsets are committed beside the topic's id, and mean nothing in another one.
        batch_size: most records in the next batch; a batch takes the records that have arrived.
        in_flight: each batch is added; the stage that commits or drops it releases it.
        deliver: called with each batch, in the intake's thread.
        end_of_gap: finds the end of a batch that cannot be decoded.
        give_up_after_s: how long Kafka may be away before `run` raises, seconds.
        wait_for_publisher: called before partitions are revoked and before the committed offsets are requested.
            Returns whether no batch is being published any more.
        check: called between two polls; raises when the role cannot go on.
    """

    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        *,
        identity: TopicIdentity,
        batch_size: BatchSize,
        in_flight: InFlight,
        deliver: Callable[[RecordBatch], None],
        wait_for_publisher: Callable[[], bool],
        check: Callable[[], None],
        end_of_gap: EndOfGap,
        give_up_after_s: float,
    ) -> None:
        self._consumer = consumer
        self._poller = Poller(consumer, end_of_gap)
        self._topic = topic
        self._identity = identity
        self._topic_id = ""
        self._out_of_range: set[int] = set()
        """Partitions that had no record at the committed offset, and may have none there until the next commit."""
        self._batch_size = batch_size
        self._in_flight = in_flight
        self._deliver = deliver
        self._wait_for_publisher = wait_for_publisher
        self._check = check
        self._give_up_after_s = give_up_after_s
        self._epoch = 0
        self._epoch_lock = threading.Lock()
        self._rewind_due = False
        self._last_size = 0
        self._stopping = threading.Event()
        self._next_lag = 0.0
        self.assignment: list[TopicPartition] = []
        """The partitions that are read now."""
        self.held_back: str | None = None
        """As of `Poller`, a quarter of a second ago."""
        self.lag = 0
        """Records between what was polled and the end of the assigned partitions, a quarter of a second ago."""

    @property
    def epoch(self) -> int:
        """The current epoch; batches of another one must be dropped."""
        return self._epoch

    def rewind(self) -> None:
        """Drop the batches in flight and read again from the committed offsets. Any thread."""
        with self._epoch_lock:
            self._epoch += 1
            self._rewind_due = True

    def stop(self) -> None:
        """Poll no more. Any thread."""
        self._stopping.set()

    def run(self) -> None:
        """Poll until stopped.

        Raises:
            KafkaException: a fatal error, such as another worker of the same name.
            Unavailable: Kafka has been away for too long, or `check` raised it.
        """
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        while not self._stopping.is_set():
            # Before anything waits: what is polled after a rewind and before its seek lies behind the batch that was
            # aborted, which would be lost once that were committed.
            epoch = self._epoch
            self._check()
            self._compute_lag()
            if self._identity.changed():
                _log.warning(
                    "topic %s was deleted and created again; the new one is read from its beginning", self._topic
                )
                self._poller.created_again()
                self.rewind()
            self._identity.give_up_after(self._give_up_after_s)
            if self._rewind_due:
                self._seek_to_committed()
                continue
            if self._last_size < _SMALL:
                self._in_flight.wait_until_idle(_WAIT_FOR_COMMIT_S)
            if not self._in_flight.has_room(_POLL_S):
                continue
            batch = self._poll(epoch)
            if batch is not None:
                self._last_size = len(batch.messages)
                self._in_flight.add()
                self._deliver(batch)

    def close(self) -> None:
        """Leave Kafka. A static member keeps its partitions for the session time-out."""
        self._consumer.close()

    def _compute_lag(self) -> None:
        now = time.monotonic()
        if now < self._next_lag:
            return
        self._next_lag = now + _LAG_EVERY_S
        self.lag = self._poller.lag(self.assignment)
        self.held_back = self._poller.held_back(self._topic)
        if self.held_back is not None:
            _log.warning("%s", self.held_back)

    def _poll(self, epoch: int) -> RecordBatch | None:
        records = self._poller.poll(self._batch_size.limit, _POLL_S)
        if self._poller.out_of_range or self._poller.left_group:
            self._out_of_range |= self._poller.out_of_range
            self._poller.left_group = False
            self._poller.reset()
            self.rewind()
        if epoch != self._epoch:
            # A rebalance or a rewind meanwhile: some records may be of partitions that were revoked, or come too early.
            self.rewind()
            return None
        if not records and not self._poller.skipped:
            return None
        metadata = self._consumer.consumer_group_metadata()
        return RecordBatch(records, epoch, metadata, self._topic_id, self._topic, self._poller.skipped)

    def _on_assign(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        # librdkafka seeks to the committed offsets by itself, even to those of a deleted topic of this name.
        self.rewind()
        self._poller.reset()
        self._out_of_range.clear()
        self.assignment = partitions
        _log.info("Kafka assigned %s to this worker", _names(partitions))

    def _on_revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        with self._epoch_lock:
            self._epoch += 1
        self._wait_for_publisher()
        self._poller.reset()
        self.assignment = []
        _log.info("Kafka revoked %s from this worker", _names(partitions))

    def _on_lost(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        with self._epoch_lock:
            self._epoch += 1
        self._poller.reset()
        self.assignment = []
        _log.warning(
            "lost %s: the group went on without this worker; it joins again, and uncommitted batches are read again",
            _names(partitions),
        )

    def _seek_to_committed(self) -> None:
        """Seek to the committed offsets, which librdkafka does not do by itself after an aborted transaction."""
        with self._epoch_lock:
            epoch = self._epoch
        if not self.assignment:
            self._rewind_due = False
            return
        if not self._wait_for_publisher():
            return  # a batch whose offsets are being committed would be read and published again
        try:
            topic_id = self._identity.ask()
            committed = self._consumer.committed(self.assignment, timeout=CALL_S)
            for position in committed:
                if position.error is not None:
                    raise KafkaException(position.error)
            self._poller.assign([self._start(position, topic_id) for position in committed])
        except KafkaException as error:
            _log.warning("the committed offsets cannot be requested, tried again: %s", error.args[0].str())
            self._stopping.wait(_RETRY_S)
            return
        self._topic_id = topic_id
        with self._epoch_lock:
            if epoch == self._epoch:
                self._rewind_due = False

    def _start(self, committed: TopicPartition, topic_id: str) -> TopicPartition:
        offset = committed.offset
        if offset < 0 or (committed.metadata and committed.metadata != topic_id):
            offset = OFFSET_BEGINNING
        elif committed.partition in self._out_of_range:
            # Committed by a tool, without an id: the offset may belong to a deleted topic.
            offset = within_log(self._consumer, committed) if committed.metadata else OFFSET_BEGINNING
        return TopicPartition(committed.topic, committed.partition, offset)


def _names(partitions: list[TopicPartition]) -> str:
    return ", ".join(f"{partition.topic}[{partition.partition}]" for partition in partitions) or "no partition"
