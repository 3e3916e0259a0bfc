"""Judgements to Kafka: an answer only after every replica has acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from contracts.errors import Unavailable
from contracts.events import Feedback
from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.api")


class FeedbackPublisher:
    """Produces to the feedback topic, keyed by prediction id.

    A judgement that was not acknowledged in time may still arrive. Whoever sends it again with the same
    `feedback_id` has it counted once.
    """

    def __init__(self, settings: Settings) -> None:
        self._topic = settings.kafka.topics.feedback
        self._servers = settings.kafka.bootstrap_servers
        self._timeout_s = settings.api.feedback_timeout_s
        self._config = settings.kafka.librdkafka_producer() | {
            "acks": "all",
            "linger.ms": 0,
            # Given up by librdkafka itself, so that the report comes while somebody waits for it.
            "message.timeout.ms": max(1, round(self._timeout_s * 1000)),
            "error_cb": self._noted,
            "log_level": 0,  # error_cb reports the same
        }
        self._producer: Any = None
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._poller: threading.Thread | None = None
        self._complaints: set[int] = set()
        self._is_broken = False

    def start(self) -> None:
        """Connect in the background; a Kafka that is away shows when something is published.

        Raises:
            Unavailable: the settings cannot be used, such as a certificate that is not there.
        """
        self._stopping.clear()
        try:
            self._producer = Producer(self._config)
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._servers}: {error.args[0].str()}") from None
        self._poller = threading.Thread(target=self._poll, name="feedback-reports", daemon=True)
        self._poller.start()

    def stop(self) -> None:
        """Wait for what is on its way, as long as a request would."""
        if self._producer is not None:
            self._producer.flush(self._timeout_s)
        self._stopping.set()
        if self._poller is not None:
            self._poller.join(timeout=2)
            self._poller = None

    def brokers(self, timeout_s: float) -> int:
        """How many brokers Kafka reports.

        Raises:
            Unavailable: it does not answer in time, or the feedback topic cannot be written to.
        """
        try:
            known = self._usable().list_topics(self._topic, timeout=timeout_s)
        except KafkaException as error:
            raise Unavailable(f"Kafka at {self._servers} does not answer: {error.args[0].str()}") from None
        problem = known.topics[self._topic].error
        if problem is not None:
            raise Unavailable(
                f"Kafka at {self._servers} takes no feedback: topic {self._topic}: {problem.str()}; "
                "run `buzzwatch topics create`, or allow the user to write to it"
            )
        return len(known.brokers)

    async def publish(self, feedback: Feedback) -> None:
        """Returns once all in-sync replicas have it.

        Raises:
            Unavailable: no acknowledgement within `feedback_timeout_s`.
        """
        loop = asyncio.get_running_loop()
        report: asyncio.Future[KafkaError | None] = loop.create_future()

        def deliver(error: KafkaError | None, _message: object) -> None:
            # Nobody waits in a loop that has closed meanwhile.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_answer, report, error)

        value = feedback.model_dump_json().encode()
        try:
            self._usable().produce(self._topic, value, str(feedback.prediction_id), on_delivery=deliver)
        except (BufferError, KafkaException) as error:
            raise self._away(str(error)) from None
        try:
            # Longer than librdkafka's own time-out: only a missing report ends here.
            failure = await asyncio.wait_for(report, self._timeout_s + 1)
        except TimeoutError:
            raise self._away("no report") from None
        if failure is not None:
            raise self._away(failure.str())
        self._complaints.clear()

    def _usable(self) -> Any:
        """The producer, or a new one when it has met an error that it cannot recover from."""
        with self._lock:
            if self._producer is None:
                raise Unavailable("the API is not ready to take feedback")
            if self._is_broken:
                self._producer = Producer(self._config)
                self._is_broken = False
            return self._producer

    def _poll(self) -> None:
        while not self._stopping.is_set():
            self._producer.poll(0.1)

    def _noted(self, error: KafkaError) -> None:
        self._is_broken |= error.fatal()
        if error.code() not in self._complaints:  # librdkafka repeats itself
            self._complaints.add(error.code())
            _log.warning("the feedback producer reports: %s; it connects again by itself", error.str())

    def _away(self, why: str) -> Unavailable:
        return Unavailable(
            f"Kafka at {self._servers} has not acknowledged the judgement within {self._timeout_s:g} s ({why}): "
            "send it again with the same feedback_id"
        )


def _answer(report: asyncio.Future[KafkaError | None], error: KafkaError | None) -> None:
    if not report.done():  # whoever asked may have gone
        report.set_result(error)
