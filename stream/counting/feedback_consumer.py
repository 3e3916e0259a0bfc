"""The judge role: a thread reads feedback, Faust's agent has it judged, in the order of each partition.

consumer (thread)        polls a batch from the mark on, puts it into an in-memory channel, waits for the answer
agent (Faust)            decodes and judges it in an executor: counters, alerts and mark in one call to Redis
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from alerts.rules.feedback_evaluator import FeedbackEvaluator
from contracts.errors import ImplausibleFeedback, InvalidFeedback, InvalidRecord
from contracts.events import Feedback, decode_feedback
from contracts.times import clock_ms
from stream import metrics
from stream.codecs.record_times import sent_ms
from stream.counting.marked_consumer import MarkedBatch, MarkedConsumer, Source
from stream.dead_letters.record import dead_letter
from stream.kafka.records import OutRecord, Record
from stream.sparse_log import SparseLog

_log = logging.getLogger("buzzwatch.stream.judge")

MOST: Final = 500
"""Judgements in one call to Redis."""


class Doubting(Protocol):
    """Looks at judgements before they count; `learning.labels.credible.Credibility`."""

    def doubts(self, judgements: Sequence[Feedback]) -> list[str | None]:
        """Why each cannot be true, None when it can."""
        ...

    def count(self, judgements: Sequence[Feedback]) -> None:
        """Note those that were counted."""
        ...


class JudgeFeedback:
    """Counts judgements: the task that the judge role's consumer runs.

    Args:
        judge: writes to Redis, mark and counters in one call.
        send_dead_letters: publishes dead letters and returns once Kafka has acknowledged them.
        credibility: says which judgements cannot be true; none is doubted without.
        write_labels: writes labels of judgements, given with when each was received, milliseconds since 1970, and
            returns once Kafka has acknowledged them. The same judgement may be given twice.
    """

    def __init__(
        self,
        judge: FeedbackEvaluator,
        send_dead_letters: Callable[[Sequence[OutRecord]], None],
        write_labels: Callable[[Sequence[tuple[int, Feedback]]], None] = lambda _: None,
        *,
        credibility: Doubting | None = None,
    ) -> None:
        self._judge = judge
        self._refused_log = SparseLog(_log)
        self._credibility = credibility
        self._send_dead_letters = send_dead_letters
        self._write_labels = write_labels
        self._labelled_up_to: dict[tuple[str, int], int] = {}
        """As `_sent_up_to`, of the judgements whose labels are written."""
        self._sent_up_to: dict[tuple[str, int], int] = {}
        """Topic id and partition → offset after the newest dead letter. While Redis is away, or after it lost writes,
        records are read again whose dead letters are on the topic already."""

    def marks(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """The marks that Redis keeps beside the counters."""
        return self._judge.marks(topic_id, partitions)

    def act(self, batch: MarkedBatch) -> int:
        """Count a batch. Records that cannot be read are sent to the dead letters before the mark moves."""
        self._refused_log.flush()
        place, now_ms = (batch.topic_id, batch.partition), clock_ms()
        read: list[tuple[Record, Feedback]] = []
        refused: list[tuple[Record, InvalidRecord]] = []
        for record in batch.records:
            try:
                read.append((record, decode_feedback(record.value())))
            except InvalidRecord as error:
                refused.append((record, error))
        credible, doubted = self._credible(read)
        refused = sorted([*refused, *doubted], key=lambda one: one[0].offset())
        self._send_once(batch.topic_id, batch.partition, refused)
        judged = [(record.offset(), _dated(feedback, record)) for record, feedback in credible]
        received = [
            (sent_ms(record.timestamp()[1], None, now_ms), feedback)
            for record, feedback in credible
            if record.offset() >= self._labelled_up_to.get(place, 0)
        ]
        if received:
            self._write_labels(received)
            self._labelled_up_to[place] = judged[-1][0] + 1
        after = self._judge.judge(batch.topic_id, batch.expected, batch.end, judged, partition=batch.partition)
        if after == batch.end:
            metrics.JUDGED.inc(len(judged))
            if self._credibility is not None:
                self._credibility.count([feedback for _, feedback in judged])
        return after

    def _credible(
        self, read: Sequence[tuple[Record, Feedback]]
    ) -> tuple[list[tuple[Record, Feedback]], list[tuple[Record, InvalidRecord]]]:
        """Those that can be true, and those that cannot with the reason."""
        if self._credibility is None:
            return list(read), []
        doubts = self._credibility.doubts([feedback for _, feedback in read])
        pairs = list(zip(read, doubts, strict=True))
        refused = [(record, ImplausibleFeedback(why)) for (record, _), why in pairs if why is not None]
        return [one for one, why in pairs if why is None], list(refused)

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        """Send a record to the dead letters that raised an unexpected error: it must not block its partition."""
        refused = InvalidFeedback(f"it could not be judged: {type(error).__name__}: {error}")
        self._send_once(batch.topic_id, batch.partition, [(record, refused) for record in batch.records])

    def _send_once(self, topic_id: str, partition: int, refused: Sequence[tuple[Record, InvalidRecord]]) -> None:
        since = self._sent_up_to.get((topic_id, partition), 0)
        new = [(record, error) for record, error in refused if record.offset() >= since]
        if not new:
            return
        self._send_dead_letters([dead_letter(record, error) for record, error in new])
        self._sent_up_to[topic_id, partition] = new[-1][0].offset() + 1
        for record, error in new:
            metrics.DEAD.labels(type(error).__name__).inc()
            self._refused_log.warning(
                "%s[%d]@%d was sent to the dead letters: %s",
                record.topic(), partition, record.offset(), error, kind=error,
            )  # fmt: skip


def _dated(feedback: Feedback, record: Record) -> Feedback:
    """Without a date of its own it counts at its record's time: read once more, it must count at the same time."""
    if feedback.created_at is not None:
        return feedback
    sent = sent_ms(record.timestamp()[1], None, clock_ms())
    return feedback.model_copy(update={"created_at": datetime.fromtimestamp(sent / 1000, UTC)})


@dataclass(frozen=True)
class FeedbackBatch:
    """A batch on its way to the agent, and the mark after it on its way back."""

    batch: MarkedBatch
    after: Future[int] = field(default_factory=Future)


class JudgeRole(MarkedConsumer):
    """Owns the thread; the agent calls `judge`.

    Args:
        source: the feedback topic.
        task: judges.
        deliver: hands a batch to the agent, called in the role's thread.
        failed: called once, in any thread, when the role cannot go on.
    """

    name = "judge"

    def __init__(
        self,
        source: Source,
        task: JudgeFeedback,
        *,
        deliver: Callable[[FeedbackBatch], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self._judging = task
        self._deliver = deliver
        super().__init__(source, self, failed)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="judge")
        self._thread = threading.Thread(target=self.read, name="feedback", daemon=True)
        self.marks, self.reject = task.marks, task.reject

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and leave Kafka. Blocks."""
        super().stop()
        self._thread.join(timeout=10)
        self._executor.shutdown(wait=False)

    def act(self, batch: MarkedBatch) -> int:
        """Have the agent judge a batch; called in the role's thread."""
        handed = FeedbackBatch(batch)
        self._deliver(handed)
        return handed.after.result()

    async def judge(self, handed: FeedbackBatch) -> None:
        """Judge a batch. Never raises: an error is set on the batch, for the thread that sent it."""
        try:
            run = asyncio.get_running_loop().run_in_executor
            handed.after.set_result(await run(self._executor, self._judging.act, handed.batch))
        except Exception as error:
            handed.after.set_exception(error)
