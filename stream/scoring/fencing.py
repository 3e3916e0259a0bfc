"""Taking over from a worker that was killed, while everything else is still being imported.

What a predecessor of the same name left open must be aborted before anything is read. Kafka takes half a second and
more for that, in which this process has a second and more of other work.
"""

from __future__ import annotations

import threading

from contracts.settings import Settings
from stream.kafka.admin import wait_for_topics
from stream.kafka.librdkafka import LibrdkafkaProducer
from stream.scoring.transactions import fence, transactional_producer


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
