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
from stream.scoring.batch_size import BatchSize
from stream.scoring.in_flight import InFlight

_log = logging.getLogger("buzzwatch.stream.intake")

_POLL_S = 0.1
_RETRY_S = 0.5
_MEASURE_S = 0.25
_SMALL = 1000
"""A batch of fewer records is committed before the next is polled: what is polled sooner would only wait behind it, and
what arrives meanwhile behind both. After a larger one the next is polled at once, so that it is scored meanwhile."""
_GROW_S = 1.0
"""Longest that polling waits for the batch before; a Kafka that hangs must not keep us from polling."""


class Intake:
    """Turns a topic into batches.

    An *epoch* stands for one uninterrupted way of reading. Whatever interrupts it (a rebalance, an aborted
    transaction) raises the epoch, and batches of an older one are dropped wherever they are.

    Args:
        consumer: subscribed to nothing yet.
        topic: what to read.
        identity: of that topic. Offsets are committed beside the topic's id, and mean nothing in another one.
        batch_size: most records in the next batch; a batch takes what is there.
        in_flight: each batch is added, whoever is done with it releases it.
        deliver: called with each batch, in the intake's thread.
        end_of_gap: finds the end of a batch that cannot be decoded.
        give_up_after_s: how long Kafka may be away before `run` raises, seconds.
        settle: called before partitions are given away, and before the committed offsets are asked for; whether no
            batch is being published any more.
        check: called between two polls; raises when there is no point in going on.
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
        settle: Callable[[], bool],
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
        """Partitions that had nothing at the committed offset; they may have nothing there until the next commit."""
        self._batch_size = batch_size
        self._in_flight = in_flight
        self._deliver = deliver
        self._settle = settle
        self._check = check
        self._give_up_after_s = give_up_after_s
        self._epoch = 0
        self._epoch_lock = threading.Lock()
        self._rewind_due = False
        self._last_size = 0
        self._stopping = threading.Event()
        self._measure_next = 0.0
        self.assignment: list[TopicPartition] = []
        """The partitions that are read now."""
        self.lag = 0
        """Records between what was polled and the end of the assigned partitions, a quarter of a second ago."""

    @property
    def epoch(self) -> int:
        """Batches of another epoch are to be dropped."""
        return self._epoch

    def rewind(self) -> None:
        """Drop what is on its way and read again from the committed offsets. Any thread."""
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
            Unavailable: Kafka has been away for too long, or what `check` says.
        """
        self._consumer.subscribe(
            [self._topic], on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        while not self._stopping.is_set():
            self._check()
            self._measure()
            if self._identity.changed():
                _log.warning("%s was deleted and created again; reading the new one from its beginning", self._topic)
                self.rewind()
            self._identity.give_up_after(self._give_up_after_s)
            if self._rewind_due:
                self._seek_to_committed()
                continue
            if self._last_size < _SMALL:
                self._in_flight.wait_until_idle(_GROW_S)
            if not self._in_flight.has_room(_POLL_S):
                continue
            batch = self._poll()
            if batch is not None:
                self._last_size = len(batch.messages)
                self._in_flight.add()
                self._deliver(batch)

    def close(self) -> None:
        """Leave Kafka. A static member keeps its partitions for the session time-out."""
        self._consumer.close()

    def _measure(self) -> None:
        """Publish the lag."""
        now = time.monotonic()
        if now < self._measure_next:
            return
        self._measure_next = now + _MEASURE_S
        self.lag = self._poller.lag(self.assignment)

    def _poll(self) -> RecordBatch | None:
        epoch = self._epoch
        records = self._poller.poll(self._batch_size.limit, _POLL_S)
        if self._poller.out_of_range or self._poller.left_group:
            self._out_of_range |= self._poller.out_of_range
            self._poller.left_group = False
            self._poller.reset()
            self.rewind()
        if epoch != self._epoch:
            # A rebalance came between the records: some may be of partitions that are no longer ours.
            self.rewind()
            return None
        if not records:
            return None
        return RecordBatch(records, epoch, self._consumer.consumer_group_metadata(), self._topic_id)

    def _on_assign(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        self.rewind()  # librdkafka goes to the committed offsets by itself, whatever topic they are of
        self._poller.reset()
        self._out_of_range.clear()
        self.assignment = partitions
        _log.info("assigned %s", _names(partitions))

    def _on_revoke(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        with self._epoch_lock:
            self._epoch += 1
        self._settle()
        self._poller.reset()
        self.assignment = []
        _log.info("revoked %s", _names(partitions))

    def _on_lost(self, _consumer: Any, partitions: list[TopicPartition]) -> None:
        with self._epoch_lock:
            self._epoch += 1
        self._poller.reset()
        self.assignment = []
        _log.warning("lost %s: the group went on without this worker", _names(partitions))

    def _seek_to_committed(self) -> None:
        """librdkafka does not go back by itself after an abort."""
        with self._epoch_lock:
            epoch = self._epoch
        if not self.assignment:
            self._rewind_due = False
            return
        if not self._settle():
            return  # a batch whose offsets are on their way would be read and published again
        try:
            topic_id = self._identity.ask()
            committed = self._consumer.committed(self.assignment, timeout=CALL_S)
            for position in committed:
                if position.error is not None:
                    raise KafkaException(position.error)
            starts = [self._start(position, topic_id) for position in committed]
        except KafkaException as error:
            self._wait_a_little("asking for the committed offsets", error.args[0].str())
            return
        self._topic_id = topic_id
        self._poller.assign(starts)
        with self._epoch_lock:
            if epoch == self._epoch:
                self._rewind_due = False

    def _start(self, committed: TopicPartition, topic_id: str) -> TopicPartition:
        offset = committed.offset
        if offset < 0 or (committed.metadata and committed.metadata != topic_id):
            offset = OFFSET_BEGINNING
        elif committed.partition in self._out_of_range:
            # Committed by a tool, which notes no id, it may be of a topic that is gone.
            offset = within_log(self._consumer, committed) if committed.metadata else OFFSET_BEGINNING
        return TopicPartition(committed.topic, committed.partition, offset)

    def _wait_a_little(self, doing: str, error: object) -> None:
        _log.warning("%s: %s", doing, error)
        self._stopping.wait(_RETRY_S)


def _names(partitions: list[TopicPartition]) -> str:
    return ", ".join(f"{partition.topic}[{partition.partition}]" for partition in partitions) or "no partition"
