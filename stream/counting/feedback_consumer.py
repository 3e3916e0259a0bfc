"""The judge: a Faust agent that counts feedback in the order of its one partition.

Faust's committed offsets are for lag tools. The mark in Redis says what has been counted; on assignment the
consumer goes there, and when Redis has gone back in time the agent does too.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import redis
from confluent_kafka import KafkaException

from alerts.rules.feedback_evaluator import Judge
from alerts.storage.redis_health import in_words
from contracts.errors import InvalidFeedback, InvalidRecord, Unavailable
from contracts.events import Feedback, decode_feedback
from stream import metrics
from stream.codecs.record_times import sent_ms
from stream.dead_letters.record import dead_letter
from stream.kafka.records import OutRecord, Record

_log = logging.getLogger("buzzwatch.stream.judge")

_REDIS_AWAY_S = 0.5
_PATIENCE_S = 30.0
"""How long the record at the mark is insisted on before it is taken for deleted."""


class JudgeRole:
    """Feedback events in, counters and alerts out; each record once.

    Args:
        judge: writes to Redis, mark and counters in one call.
        topic: the feedback topic; it has one partition.
        topic_id: asks Kafka for the topic's id.
        recreated: whether the topic has got another id since.
        bury: publishes a dead letter and returns once Kafka has acknowledged it.
    """

    name = "judge"

    def __init__(
        self,
        judge: Judge,
        topic: str,
        *,
        topic_id: Callable[[], str],
        bury: Callable[[OutRecord], None],
        recreated: Callable[[], bool] = lambda: False,
    ) -> None:
        self._judge = judge
        self._topic = topic
        self._ask_topic_id = topic_id
        self._recreated = recreated
        self._topic_id = ""
        self._bury = bury
        self._mark: int | None = None
        self._counting = False
        """Whether a record is on its way into Redis."""
        self._buried: tuple[str, int] | None = None
        """Topic id and offset of the newest dead letter: while Redis is away its record is tried again and again."""
        self._handling = False
        self._awaited: int | None = None
        """What must come first after a start or a rewind; None once it has."""
        self._insist_until: float | None = None
        """None as long as nothing else came."""
        self._first_seen: int | None = None
        """Lowest offset that came instead."""
        self._lag = 0
        self.partitions = 0
        """1 when this worker judges: the topic has one partition."""
        self.last_progress = time.monotonic()
        """When something was judged, there was nothing to judge or it could not be, monotonic seconds."""

    @property
    def is_behind(self) -> bool:
        """Whether a judgement is on its way; Faust's own consumer is not watched."""
        return self._handling

    def lag(self) -> int:
        """Judgements that wait to be counted; markers of a producer's transactions at the end count as some."""
        return self._lag

    def measure(self, end: int | None) -> None:
        """Note how much waits. Called once a second.

        Args:
            end: of the partition; None when it is another worker's.
        """
        self.partitions = int(end is not None)
        self._lag = max((end or 0) - (self._mark or 0), 0)
        if not self.is_behind:
            self.last_progress = time.monotonic()

    def start_at(self) -> int | None:
        """On assignment: the offset to read from, None for the beginning. Blocks; raises when Redis is away."""
        self._topic_id = self._ask_topic_id()
        self._mark = self._judge.mark(self._topic_id)
        self._await(self._mark or 0, insist_until=None)
        return self._mark

    async def await_start(self) -> int | None:
        """`start_at`, as soon as Redis and Kafka answer: until then feedback waits, and scoring goes on."""
        said = ""
        while True:
            try:
                return await asyncio.get_running_loop().run_in_executor(None, self.start_at)
            except (redis.RedisError, KafkaException) as error:
                if str(error) != said:
                    said = str(error)
                    _log.warning("feedback waits for its mark: %s", error)
            await asyncio.sleep(_REDIS_AWAY_S)

    async def handle(self, message: Record, seek: Callable[[int], Any]) -> None:
        """Count one record. Never raises: the agent must not skip an event.

        Args:
            message: the record as it came.
            seek: makes the consumer read from an offset.
        """
        self._handling = True
        try:
            await self._handle(message, seek)
        finally:
            self._handling = False

    async def _handle(self, message: Record, seek: Callable[[int], Any]) -> None:
        offset = message.offset()
        if self._awaited is not None and offset > self._awaited and await self._goes_back(offset, seek):
            return  # it comes again
        if self._mark is not None and offset < self._mark:
            return  # counted already
        self._awaited = None
        loop = asyncio.get_running_loop()
        # The mark as it fits this record: `compare` may move ours back while Redis is away, and the record counted
        # there would take those before it for counted.
        expected = self._mark
        refused: InvalidFeedback | None = None
        while True:
            try:
                self._counting = True
                after = await loop.run_in_executor(None, self._count, message, expected, refused)
                break
            except redis.RedisError as error:
                _log.warning("Redis %s; feedback waits", in_words(error))
            except Unavailable as error:  # Kafka does not take the dead letter, say
                _log.warning("feedback at offset %d waits: %s", offset, error)
            except Exception as error:  # a defect of ours: it must neither be skipped nor block its partition
                _log.exception("feedback at offset %d cannot be judged", offset)
                refused = InvalidFeedback(f"it could not be judged: {type(error).__name__}: {error}")
            finally:
                self._counting = False
            self.last_progress = time.monotonic()  # waiting for others is no standstill: a new start would wait, too
            await asyncio.sleep(_REDIS_AWAY_S)
        if after == offset + 1:
            self._mark = after
            self.last_progress = time.monotonic()
            metrics.JUDGED.inc()
        else:
            await self._go_to(after, offset + 1, seek)

    async def compare(self, seek: Callable[[int], Any]) -> None:
        """Notice a Redis that was restored although no feedback arrives, and a new topic. Called once a second."""
        if self._recreated():
            _log.warning("%s was deleted and created again; judging the new one from its beginning", self._topic)
            await seek(await self.await_start() or 0)
            return
        if self._awaited is not None and self._insist_until is not None:
            await seek(self._awaited)
            return
        mark = self._mark
        if mark is None:
            return
        try:
            stored = await asyncio.get_running_loop().run_in_executor(None, self._judge.mark, self._topic_id)
        except redis.RedisError:
            return
        if self._counting or self._mark != mark:
            return  # what has just been counted says by itself where Redis stands
        if stored != mark:
            await self._go_to(stored or 0, mark, seek)

    async def _go_to(self, mark: int, position: int, seek: Callable[[int], Any]) -> None:
        _log.warning("feedback: Redis stands at %d, not at %s; going there", mark, self._mark)
        self._mark = mark or None
        if mark < position:
            self._await(mark, insist_until=time.monotonic() + _PATIENCE_S)
            await seek(mark)

    def _await(self, offset: int, *, insist_until: float | None) -> None:
        self._awaited, self._insist_until, self._first_seen = offset, insist_until, None

    async def _goes_back(self, offset: int, seek: Callable[[int], Any]) -> bool:
        """Whether the record is to come again, since another is due before it.

        Faust forgets a seek, also that to the start, which comes while it hands out a record: it notes that record's
        offset afterwards, and drops everything before it. So the seek is repeated, for some time; then the first of
        those that came is due.
        """
        now = time.monotonic()
        if self._insist_until is None or now >= self._insist_until:
            due = self._awaited if self._insist_until is None else self._first_seen
            if due is None or offset <= due:
                return False
            _log.warning("feedback: offset %d came where %d is due; going back", offset, due)
            self._await(due, insist_until=now + _PATIENCE_S)
            await seek(due)
        self._first_seen = min(offset, self._first_seen or offset)
        return True

    def _count(self, message: Record, expected: int | None, refused: InvalidFeedback | None) -> int:
        offset = message.offset()
        events: list[tuple[int, Feedback]] = []
        try:
            if refused is not None:
                raise refused
            feedback = decode_feedback(message.value())
            if feedback.created_at is None:  # told once more, it must count at the same time
                sent = sent_ms(message.timestamp()[1], None, int(time.time() * 1000))
                at = datetime.fromtimestamp(sent / 1000, UTC)
                feedback = feedback.model_copy(update={"created_at": at})
            events = [(offset, feedback)]
        except InvalidRecord as error:
            if self._buried != (self._topic_id, offset):
                self._bury(dead_letter(message, error))
                self._buried = self._topic_id, offset
                metrics.DEAD.labels(type(error).__name__).inc()
                _log.warning("feedback at offset %d goes to the dead letters: %s", offset, error)
        after: int = self._judge.judge(self._topic_id, expected, offset + 1, events)
        return after
