"""Polls a librdkafka consumer, and skips whole batches that cannot be decoded."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaError, KafkaException, Message, TopicPartition

from contracts.settings import Settings
from stream.kafka.consumers import CALL_S, is_fatal, log_bounds, reader
from stream.kafka.records import Record
from stream.metrics import UNDECODABLE
from stream.sparse_log import SparseLog

_log = logging.getLogger("buzzwatch.stream")

_UNDECODABLE: Final = frozenset(
    {
        KafkaError._BAD_MSG,  # the frame of a batch
        KafkaError._BAD_COMPRESSION,
        KafkaError._NOT_IMPLEMENTED,  # a codec or a format that librdkafka does not know
        KafkaError.INVALID_MSG,
    }
)

_NEVER_READ: Final = KafkaError(KafkaError._NO_OFFSET).str()
"""Stands in the words of `_AUTO_OFFSET_RESET` where no position was ever committed, as at a first start."""

HELD_AFTER_S: Final = 30.0
"""How long records may wait behind an open transaction before that is reported. Ours last 8 s at the very most."""

EndOfGap = Callable[[TopicPartition], int]
"""Maps the first offset of a batch that cannot be decoded to the first one after it."""


class Poller:
    """The records of a consumer, and the state of its partitions.

    Args:
        consumer: subscribed by its owner, or assigned by `assign`.
        end_of_gap: finds the end of a batch that cannot be decoded (`end_of_undecodable`).
        raise_errors: raise what librdkafka reports instead of logging it, for commands.
        held_after_s: how long records may wait behind an open transaction before `held_back` names them, seconds.
    """

    def __init__(
        self,
        consumer: Consumer,
        end_of_gap: EndOfGap,
        *,
        raise_errors: bool = False,
        held_after_s: float = HELD_AFTER_S,
    ) -> None:
        self._consumer = consumer
        self._end_of_gap = end_of_gap
        self._raise_errors = raise_errors
        self._skipped_log = SparseLog(_log)
        self.ends: dict[int, int] = {}
        """Where a partition's committed records ended when it was last read to its end."""
        self.out_of_range: set[int] = set()
        """Partitions that have nothing at our position, because they were shortened, deleted or created again."""
        self._starts: dict[int, int] = {}
        """The offset at which each assigned partition was started."""
        self.skipped: dict[int, int] = {}
        """Per partition the offset behind the batch that the last poll skipped; the records before it were returned."""
        self._counted: dict[int, int] = {}
        """Per partition the end of the last batch that the metric has: a batch that is met again counts once."""
        self._held_after_s = held_after_s
        self._held: dict[int, tuple[int, float]] = {}
        """Per partition where committed records end although there are more, and since when, monotonic seconds."""
        self.left_group = False
        """Whether the group removed us because we polled too seldom."""

    def assign(self, positions: Sequence[TopicPartition]) -> None:
        """Read these partitions from these offsets, or from their beginning or end.

        Raises:
            KafkaException: Kafka does not answer where the beginning or the end is.
        """
        self.reset()
        self._starts = {position.partition: self._number(position) for position in positions}
        self._consumer.assign(
            [TopicPartition(one.topic, one.partition, self._starts[one.partition]) for one in positions]
        )

    def _number(self, position: TopicPartition) -> int:
        """The offset that "beginning" or "end" is now; others as they are.

        librdkafka 2.16 must not look it up: when it is given another position meanwhile, it asks once more after half a
        second ("outdated offset response" in `rd_kafka_toppar_handle_Offset`), and reads again from there, in silence.
        """
        if position.offset not in (OFFSET_BEGINNING, OFFSET_END):
            return position.offset
        low, high = log_bounds(self._consumer, position)
        return low if position.offset == OFFSET_BEGINNING else high

    def poll(self, most: int, timeout_s: float) -> list[Record]:
        """The records that have arrived, at most `most`; waits up to `timeout_s` for the first one.

        Raises:
            KafkaException: the consumer cannot go on.
        """
        self._skipped_log.flush()
        if self.skipped:
            self.skipped = {}
        first = self._consumer.poll(timeout_s)
        if first is None:
            return []
        messages = [first, *self._consumer.consume(most - 1, 0)] if most > 1 else [first]
        records = [cast("Record", message) for message in messages if message.error() is None]
        return records if len(records) == len(messages) else self._without_events(messages)

    def _without_events(self, messages: Sequence[Message]) -> list[Record]:
        records: list[Record] = []
        last: dict[int, int] = {}
        gaps: dict[int, Message] = {}
        for message in messages:
            error, partition = message.error(), cast("int", message.partition())
            if partition in gaps:
                continue  # `_skip` seeks behind the gap, so what follows it is read again
            if error is None:
                # They only rise: from a wrong place (`_stays`) librdkafka may hand out once more what it has.
                if (offset := cast("int", message.offset())) > last.get(partition, -1):
                    last[partition] = offset
                    records.append(cast("Record", message))
            elif error.code() == KafkaError._PARTITION_EOF:
                self.ends[partition] = cast("int", message.offset())
            elif error.code() in _UNDECODABLE:
                gaps[partition] = message
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                if not self._stays(cast("str", message.topic()), partition):
                    self.out_of_range.add(partition)
                    self._log_reset(cast("str", message.topic()), partition, error)
            elif is_fatal(error) or self._raise_errors:
                raise KafkaException(error)
            else:
                self.left_group |= error.code() == KafkaError._MAX_POLL_EXCEEDED
                _log.warning("polling %s failed (%s); it is tried again", message.topic(), error.str())
        for message in gaps.values():
            self._skip(message)
        return records

    @staticmethod
    def _log_reset(topic: str, partition: int, error: KafkaError) -> None:
        if _NEVER_READ in error.str():
            _log.info("%s[%s] has not been read by this group; where it begins is looked up", topic, partition)
            return
        _log.warning(
            "%s[%s] has no record at the position to read (%s); a position that exists is looked up",
            topic, partition, error.str(),
        )  # fmt: skip

    def _skip(self, message: Message) -> None:
        """Go on behind a batch that cannot be decoded. If Kafka is away now, the next poll reports the same error."""
        topic = cast("str", message.topic())
        partition, start = cast("int", message.partition()), cast("int", message.offset())
        if partition not in self._starts:
            return  # revoked meanwhile
        try:
            end = self._end_of_gap(TopicPartition(topic, partition, start))
        except KafkaException as error:
            _log.warning(
                "%s[%d]@%d: a record batch cannot be decoded, and its end cannot be looked up yet (%s); tried again",
                topic, partition, start, error,
            )  # fmt: skip
            end = start
        self._go_on(topic, partition, end)
        if end == start:
            return
        self.skipped[partition] = end
        counted = max(start, self._counted.get(partition, 0))
        if end <= counted:
            return
        self._counted[partition] = end
        UNDECODABLE.labels(topic).inc(end - counted)
        self._skipped_log.error(
            "%s[%d]@%d to @%d: skipped a record batch of %d offsets that cannot be decoded (%s); it is not processed",
            topic, partition, start, end - 1, end - start, cast("KafkaError", message.error()).str(),
            kind=topic,
        )  # fmt: skip

    def _stays(self, topic: str, partition: int) -> bool:
        """Read on from our own position where Kafka has it after all, though it refused what librdkafka asked for.

        Behind a batch with a wrong checksum, librdkafka 2.16 reads on from the middle of it (`rd_kafka_buf_skip_to` in
        rdkafka_msgset_reader.c takes the length for a place), takes what it finds for an offset, and reports that
        Kafka does not have it; also when it was given another position meanwhile. A broker that has just started may
        refuse for a moment what it has.
        """
        position = self._positions(topic).get(partition, -1)
        if position < 0:
            return False
        try:
            low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=CALL_S)
        except KafkaException:
            return False
        if not low <= position <= high:
            return False
        self._go_on(topic, partition, position)
        return True

    def _positions(self, topic: str) -> dict[int, int]:
        """The offset behind the last record that was returned of each partition, else where it was started."""
        reached = self._consumer.position([TopicPartition(topic, number) for number in self._starts])
        return {one.partition: max(one.offset, self._starts[one.partition]) for one in reached}

    def _go_on(self, topic: str, partition: int, offset: int) -> None:
        """Read a partition from this offset on; the others stay where they are."""
        # `assign` and not `seek`, which librdkafka refuses while it looks up another offset.
        self._starts = self._positions(topic) | {partition: offset}
        self._consumer.assign([TopicPartition(topic, *start) for start in self._starts.items()])
        self.ends.pop(partition, None)

    def look_up_positions(self, topic: str) -> None:
        """Go on at the oldest record where Kafka has nothing at our position; if it is away, the next call asks again.

        For readers that keep no marks: the topic was shortened, or it was created again.
        """
        for partition in sorted(self.out_of_range):
            position = self._positions(topic).get(partition, -1)
            try:
                low, high = self._consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=CALL_S)
            except KafkaException:
                continue
            self._go_on(topic, partition, position if low <= position <= high else low)
            self.out_of_range.discard(partition)

    def reset(self) -> None:
        """Forget the partitions: they were revoked, or are assigned anew."""
        self.ends = {}
        self._starts = {}
        self.skipped = {}
        self.out_of_range = set()
        self._held = {}

    def created_again(self) -> None:
        """The topic was deleted and created again: its offsets begin anew, and so do those of batches to count."""
        self._counted = {}

    def lag(
        self,
        assignment: Sequence[TopicPartition],
        done: Mapping[int, int] | None = None,
        returned: Mapping[int, int] | None = None,
    ) -> int:
        """Committed records that wait, from librdkafka's cache.

        Transaction markers and records of an open transaction behind the last committed record do not count.

        Only the polling thread may call it: calls on one consumer block each other, and a health probe must not wait
        for a poll.

        Args:
            done: per partition the offset up to which records are processed; None: all that were polled.
            returned: per partition the offset behind the last record that `poll` returned. The consumer's own position
                does not tell: it is behind a transaction marker as well, which nobody processes.
        """
        total = 0
        for position in self._consumer.position(list(assignment)) if assignment else ():
            polled, end = position.offset, self.ends.get(position.partition)
            behind = max(polled, 0) if done is None else done.get(position.partition, 0)
            high = self._consumer.get_watermark_offsets(position, cached=True)[1]
            if end is None or polled > end:
                total += max(high - behind, 0)
            else:
                total += max((returned or {}).get(position.partition, 0) - behind, 0)
                self._note_held(position, end, high)
        return total

    def _note_held(self, position: TopicPartition, end: int, high: int) -> None:
        """Remember that there is more than may be read, or that there is no more."""
        known, since = self._held.get(position.partition, (-1, 0.0))
        if high <= end:
            if self._held.pop(position.partition, None) and time.monotonic() - since >= self._held_after_s:
                _log.info(
                    "%s[%d] can be read again: the open transaction has ended", position.topic, position.partition
                )
        elif known != end:
            self._held[position.partition] = end, time.monotonic()

    def held_back(self, topic: str) -> str | None:
        """Which records wait behind a transaction that a producer has left open, and what to do; None where none do.

        They are no lag: nobody may read them. `lag` finds them, in the polling thread.
        """
        now = time.monotonic()
        held = {partition: at for partition, (at, since) in self._held.items() if now - since >= self._held_after_s}
        if not held:
            return None
        places = ", ".join(f"{topic}[{partition}]@{at}" for partition, at in sorted(held.items()))
        return (
            f"what is behind {places} cannot be read: a producer has left a transaction open there for more than "
            f"{self._held_after_s:g} s; Kafka ends it after that producer's transaction.timeout.ms, "
            "`kafka-transactions.sh find-hanging` and `abort` end it now"
        )


def end_of_undecodable(settings: Settings, start: TopicPartition) -> int:
    """The first offset behind a batch that cannot be decoded; the client only reports where it begins.

    Raises:
        KafkaException: Kafka does not answer.
    """
    consumer = reader(settings)
    try:
        return search_end(consumer, start)
    finally:
        consumer.close()


def search_end(consumer: Consumer, start: TopicPartition) -> int:
    """As `end_of_undecodable`, with a consumer that is not used for anything else.

    For an offset inside the batch Kafka sends the whole batch, so the end is searched: the step is doubled until it is
    outside, then halved. A few requests of milliseconds.

    Raises:
        KafkaException: Kafka does not answer.
    """
    high = consumer.get_watermark_offsets(start, timeout=CALL_S)[1]

    def is_inside(offset: int) -> bool:
        if offset >= high:
            return False
        deadline = time.monotonic() + CALL_S
        while time.monotonic() < deadline:
            consumer.assign([TopicPartition(start.topic, start.partition, offset)])
            message = consumer.poll(CALL_S)
            if message is None:
                break
            error, found = message.error(), cast("int", message.offset())
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                if found >= offset:
                    return False
            elif error.code() in _UNDECODABLE:
                if found >= start.offset:
                    return found == start.offset
            elif error.code() != KafkaError._AUTO_OFFSET_RESET:
                raise KafkaException(error)
            # What librdkafka made of a place that is none (`Poller._stays`) tells nothing: ask again.
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    inside, step = start.offset, 1
    while is_inside(inside + step):
        inside, step = inside + step, step * 2
    behind = min(inside + step, high)
    while behind - inside > 1:
        middle = (inside + behind) // 2
        inside, behind = (middle, behind) if is_inside(middle) else (inside, middle)
    return max(behind, start.offset + 1)
