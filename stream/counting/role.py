"""The watch role: one thread counts, another evaluates the rules."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import redis

from alerts.counters.store import CounterStore
from alerts.detectors.drift import Reference
from alerts.rules.evaluator import Evaluator
from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.storage.foreign import ForeignDataError
from alerts.storage.redis_health import in_words
from contracts.settings import Settings
from contracts.times import clock_ms
from models.registry.champion import Champion, LoadedModel
from stream.counting.consumer import CountPredictions
from stream.counting.marked_consumer import MarkedConsumer, Source, Task
from stream.kafka.consumers import batch_consumer
from stream.kafka.polling import end_of_undecodable
from stream.kafka.records import Record
from stream.kafka.topic_id import TopicIdentity

_log = logging.getLogger("buzzwatch.stream.watch")

_RULES_PARTITION = 0
"""The worker that counts this partition of the scored topic evaluates the rules, so that only one does."""
_MAX_BATCH = 20_000
"""Records of a batch when behind: a larger batch has fewer cells per tweet, so Redis has less to do."""
_MIN_TICK_GAP_S = 0.02
"""Least time between two evaluations, so that small batches do not keep the rules busy."""
_SLEEP_PER_CPU_TIME: Final = 4
"""Sleep 4 × the CPU time of an evaluation, at most a tick, so that rules use at most 20 % of a core: scoring and
counting share the interpreter with them."""


class WatchRole(MarkedConsumer):
    """Owns the threads.

    Args:
        settings: Kafka, topics, ticks.
        counters: where to count.
        evaluator: the rules, over the counters.
        judge: receives which model version serves.
        champion: the model that serves.
        instance: this worker's name.
        identity: of the scored topic.
        failed: called once, in any thread, when the role cannot go on.
        seen: receives the records that were counted.
        traced: wraps what counts, where tweets are traced.
    """

    name = "watch"

    def __init__(
        self,
        settings: Settings,
        counters: CounterStore,
        evaluator: Evaluator,
        judge: FeedbackEvaluator,
        champion: Champion,
        instance: str,
        *,
        identity: TopicIdentity,
        failed: Callable[[Exception], None],
        seen: Callable[[Sequence[Record]], None] = lambda _: None,
        traced: Callable[[Task], Task] = lambda task: task,
    ) -> None:
        self._evaluator = evaluator
        self._judge = judge
        self._champion = champion
        self._rules_problem: str | None = None
        self._known_reference: tuple[LoadedModel, Reference | None] | None = None
        self._tick_s = settings.alerts.tick_s
        self._counted = threading.Event()
        topic, group = settings.kafka.topics.scored, f"{settings.worker.group}-{self.name}"
        super().__init__(
            Source(
                topic,
                batch_consumer(settings, group, instance),
                identity,
                partial(end_of_undecodable, settings),
                most=_MAX_BATCH,
                give_up_after_s=settings.worker.give_up_after_s,
            ),
            traced(CountPredictions(counters, settings.alerts, self._counted.set, seen)),
            failed,
        )
        self._threads = [
            threading.Thread(target=self.read, name="counting", daemon=True),
            threading.Thread(target=self._evaluate, name="rules", daemon=True),
        ]

    @property
    def redis_problem(self) -> str | None:
        """As of `MarkedConsumer`, also of what the rules read."""
        return super().redis_problem or self._rules_problem

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish the batch at hand and leave Kafka. Blocks."""
        super().stop()
        self._counted.set()
        for thread in self._threads:
            thread.join(timeout=10)

    def _evaluate(self) -> None:
        """Evaluate the rules after each count and once a tick, so that alerts resolve without new tweets."""
        while not self._stopping.is_set():
            self._counted.wait(self._tick_s)
            self._counted.clear()
            if self._stopping.is_set():
                return
            began = time.thread_time()
            if self.owns(_RULES_PARTITION):
                try:
                    self._tick(clock_ms())
                    self._rules_problem = None
                except redis.RedisError as error:
                    _log.warning("Redis %s; the alert rules are evaluated again after a pause", in_words(error))
                    if isinstance(error, ForeignDataError):
                        self._rules_problem = f"the alert rules are not evaluated: Redis {in_words(error)}"
                    self._stopping.wait(self._tick_s)
                except Exception as error:
                    self._failed(error)
                    return
            took_s = time.thread_time() - began
            self._stopping.wait(max(_MIN_TICK_GAP_S, min(_SLEEP_PER_CPU_TIME * took_s, self._tick_s)))

    def _tick(self, now_ms: int) -> None:
        loaded = self._champion.current
        version = loaded.ref.version
        self._judge.serving(version, now_ms)
        self._evaluator.tick(
            now_ms,
            version,
            reference=self._reference(loaded),
            model_failure=self._champion.failure,
            caught_up=self.lag == 0,
        )

    def _reference(self, loaded: LoadedModel) -> Reference | None:
        """Reference data for drift of the model that serves, read once per model."""
        if self._known_reference is None or self._known_reference[0] is not loaded:
            self._known_reference = loaded, Reference.of(loaded.model.metadata)
        return self._known_reference[1]
