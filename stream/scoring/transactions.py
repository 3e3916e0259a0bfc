"""Kafka transactions of a worker: its producer, fencing the worker before it, calls again while Kafka is away.

What a predecessor of the same name left open must be aborted before anything is read. Kafka takes half a second and
more for that, in which this process has a second and more of other work: so it begins while everything else is still
being imported, and this module imports little.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from contracts.errors import Unavailable
from contracts.settings import Settings
from stream.kafka.admin import wait_for_topics
from stream.kafka.librdkafka import LibrdkafkaProducer

_log = logging.getLogger("buzzwatch.stream.publishing")

_CALL_S = 5.0
_RETRY_S = 0.2


def transactional_producer(settings: Settings, instance: str) -> LibrdkafkaProducer:
    """A producer whose `transactional.id` is the same after a restart, so that a stale one is fenced."""
    return LibrdkafkaProducer(
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


def fence(producer: LibrdkafkaProducer, give_up_after_s: float) -> None:
    """Keep whoever had this transactional id before from writing, and abort what it left open.

    Raises:
        Unavailable: Kafka has been away for too long.
        KafkaException: Kafka refuses.
    """
    insist(give_up_after_s, producer.init_transactions)


def insist(
    give_up_after_s: float,
    call: Callable[..., Any],
    *args: Any,
    timed: bool = True,
    still_needed: Callable[[], bool] = lambda: True,
) -> None:
    """Make a transactional call again while librdkafka allows it, up to the limit, and while it is still needed."""
    since = time.monotonic()
    while True:
        try:
            call(*args, _CALL_S) if timed else call(*args)
            return
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if not cause.retriable() or not still_needed():
                raise
            away_s = time.monotonic() - since
            if away_s > give_up_after_s:
                raise Unavailable(f"Kafka has not answered for {away_s:.0f} s: {cause.str()}") from None
            _log.warning("Kafka does not answer, trying again: %s", cause.str())
            time.sleep(_RETRY_S)


class ProducerFencing:
    """Waits for Kafka and its topics and fences the predecessor, in a thread of its own from `start` on.

    Args:
        settings: Kafka, topics, how long to wait.
        instance: this worker's name.
    """

    def __init__(self, settings: Settings, instance: str) -> None:
        self._settings = settings
        self._ready = threading.Event()
        self._done = threading.Event()
        self._failure: Exception | None = None
        self._started = threading.Lock()
        self._instance = instance
        self._producer: LibrdkafkaProducer | None = None

    @property
    def producer(self) -> LibrdkafkaProducer:
        """The producer; use it after `complete` only. Blocks and raises as `await_topics` does."""
        self.await_topics()
        assert self._producer is not None
        return self._producer

    def start(self) -> None:
        """Begin; a second call does nothing."""
        if self._started.acquire(blocking=False):
            threading.Thread(target=self._run, name="fencing", daemon=True).start()

    def await_topics(self) -> None:
        """Block until Kafka answers and has the topics.

        Raises:
            Unavailable: not within `worker.give_up_after_s`; names what is missing and what to do.
        """
        self.start()
        self._ready.wait()
        if self._producer is None and self._failure is not None:
            raise self._failure

    def complete(self) -> None:
        """Block until nothing of the predecessor is open any more and it can write nothing.

        Raises:
            Unavailable: Kafka has been away for too long.
            KafkaException: Kafka refuses the name.
        """
        self.start()
        self._done.wait()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            wait_for_topics(self._settings)
            self._producer = transactional_producer(self._settings, self._instance)
            self._ready.set()
            fence(self._producer, self._settings.worker.give_up_after_s)
        except Exception as error:
            self._failure = error
        finally:
            self._ready.set()
            self._done.set()
