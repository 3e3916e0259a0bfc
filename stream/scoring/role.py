"""The score role: intake thread → Faust agent → publishing thread.

    intake (thread)          polls a batch, puts it into an in-memory channel
    agent (Faust)            scores it in an executor; numba and librdkafka run without the interpreter lock
    publishing (thread)      one transaction a batch, in order

At most `queued_batches` are on their way, so memory stays flat when Kafka is slow.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from confluent_kafka import KafkaException

from contracts.errors import BuzzwatchError
from contracts.settings import Settings
from contracts.times import clock_ms
from models.registry.champion import Champion
from stream import metrics
from stream.dead_letters.record import error_class
from stream.kafka.consumers import batch_consumer
from stream.kafka.polling import end_of_undecodable
from stream.kafka.records import RecordBatch, ScoredBatch
from stream.kafka.topic_id import TopicIdentity
from stream.scoring.batch_consumer import Intake
from stream.scoring.flow_control import BatchSize, InFlight
from stream.scoring.publisher import Aborted, Publisher
from stream.scoring.scorer import BatchScorer
from stream.scoring.transactions import ProducerFencing

_log = logging.getLogger("buzzwatch.stream.score")

_DRAIN_POLL_S = 0.1
"""How often a draining role checks whether it has failed."""


class ScoreRole:
    """Owns the threads; the agent calls `score`.

    Args:
        settings: Kafka, topics, batch sizes.
        champion: the model that serves, swapped between two batches.
        scorer: the function that every tweet goes through.
        instance: this worker's name.
        fencing: fences an older producer of this worker's name and aborts its open transaction.
        deliver: hands a batch to the agent, called in the intake's thread.
        failed: called once, in any thread, when the role cannot go on.
    """

    name = "score"

    def __init__(
        self,
        settings: Settings,
        champion: Champion,
        scorer: BatchScorer,
        instance: str,
        *,
        fencing: ProducerFencing,
        deliver: Callable[[RecordBatch], None],
        failed: Callable[[Exception], None],
    ) -> None:
        topics, worker = settings.kafka.topics, settings.worker
        self._champion = champion
        self._fencing = fencing
        self._scorer = scorer
        self._failed = failed
        self._drain_timeout_s = worker.drain_timeout_s
        self._in_flight = InFlight(worker.queued_batches + 2)  # one being scored and one being published
        self._publisher = Publisher(
            fencing.producer,
            scored=topics.scored,
            dead_letters=topics.dead_letters,
            give_up_after_s=worker.give_up_after_s,
        )
        self._batch_size = BatchSize(worker.max_batch)
        self._identity = TopicIdentity(settings, topics.tweets)
        self._intake = Intake(
            batch_consumer(settings, f"{worker.group}-{self.name}", instance),
            topics.tweets,
            identity=self._identity,
            batch_size=self._batch_size,
            in_flight=self._in_flight,
            deliver=deliver,
            wait_for_publisher=lambda: self._wait_for_publisher(worker.session_timeout_s),
            check=self._check,
            end_of_gap=partial(end_of_undecodable, settings),
            give_up_after_s=worker.give_up_after_s,
        )
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="score")
        self._to_publish: queue.SimpleQueue[ScoredBatch | None] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._guarded, args=(self._poll,), name="intake", daemon=True),
            threading.Thread(target=self._guarded, args=(self._publish,), name="publishing", daemon=True),
        ]
        self._broken = threading.Event()
        self.last_progress = time.monotonic()
        """When a batch was last committed, or there was none, monotonic seconds."""

    @property
    def partitions(self) -> int:
        """How many partitions are assigned."""
        return len(self._intake.assignment)

    @property
    def is_behind(self) -> bool:
        """Whether tweets wait to be polled or are in flight."""
        return self.lag > 0 or not self._in_flight.idle

    @property
    def kafka_problem(self) -> str | None:
        """For how long and why Kafka has not answered, None when it does; known after a few seconds."""
        return self._identity.problem

    @property
    def held_back(self) -> str | None:
        """Which tweets nobody can read, and why; None where there are none."""
        return self._intake.held_back

    @property
    def lag(self) -> int:
        """Tweets that wait to be polled."""
        return self._intake.lag

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    async def score(self, batch: RecordBatch) -> None:
        """Score a batch and queue it for publishing. Never raises: the agent must not skip a batch."""
        try:
            if batch.epoch != self._intake.epoch:
                self._in_flight.release()
                return
            if not batch.messages:  # what could not be decoded: there is only an offset to commit
                self._to_publish.put(ScoredBatch(batch, (), []))
                return
            since = time.perf_counter()
            now_ms = clock_ms()
            model = self._champion.current
            scored = await asyncio.get_running_loop().run_in_executor(
                self._executor, self._scorer.score, batch, model, now_ms
            )
            took_s = time.perf_counter() - since
            self._batch_size.learn(model.ref, len(batch.messages), took_s)
            metrics.STAGE.labels("score").observe(took_s)
            self._to_publish.put(scored)
        except Exception as error:  # a bug of ours: stop the worker, nothing of the batch is committed
            self._failed(error)

    def stop(self) -> None:
        """Stop polling, finish the batches in flight within the drain time-out, leave Kafka. Blocks."""
        self._intake.stop()
        intake, publishing = self._threads
        intake.join(timeout=self._drain_timeout_s + 1)
        self._to_publish.put(None)
        publishing.join(timeout=1)
        self._executor.shutdown(wait=False)

    def _is_current(self, batch: ScoredBatch) -> bool:
        return batch.source.epoch == self._intake.epoch

    def _check(self) -> None:
        self._publisher.check()
        if not self.is_behind:
            self.last_progress = time.monotonic()

    def _wait_for_publisher(self, timeout_s: float) -> bool:
        is_idle = self._publisher.settle(timeout_s)
        if not is_idle:
            _log.warning("a transaction has not ended within %g s; this worker reads nothing before it has", timeout_s)
        return is_idle

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:
            self._broken.set()  # batches in flight will not be finished: do not wait for them
            self._failed(error)

    def _poll(self) -> None:
        self._fencing.complete()  # first: a killed predecessor's open transaction must be aborted before we read
        try:
            self._intake.run()
            self._drain()
        finally:
            self._intake.close()

    def _drain(self) -> None:
        """Wait for the batches in flight. Leaving Kafka first would revoke their partitions and so drop them."""
        deadline = time.monotonic() + self._drain_timeout_s
        while not self._in_flight.wait_until_idle(_DRAIN_POLL_S) and not self._broken.is_set():
            if time.monotonic() > deadline:
                _log.warning(
                    "a batch was not committed within %g s of the stop; the next worker reads it again",
                    self._drain_timeout_s,
                )
                return

    def _publish(self) -> None:
        while (scored := self._to_publish.get()) is not None:
            since = time.perf_counter()
            try:
                if self._publisher.publish(scored, self._is_current):
                    _observe(scored)
                    self.last_progress = time.monotonic()
            except Aborted:
                metrics.ABORTED.inc()
                self._intake.rewind()
            finally:
                self._in_flight.release()
            metrics.STAGE.labels("publish").observe(time.perf_counter() - since)


def _observe(scored: ScoredBatch) -> None:
    metrics.BATCH.observe(len(scored.source.messages))
    metrics.SCORED.inc(len(scored.predictions))
    for record in scored.dead_letters:
        metrics.DEAD.labels(error_class(record)).inc()


def reason(error: Exception) -> str:
    """An error as one line for the log."""
    if isinstance(error, BuzzwatchError):
        return str(error)
    if isinstance(error, KafkaException):
        return f"Kafka: {error.args[0].str()}"
    return f"{type(error).__name__}: {error}"
