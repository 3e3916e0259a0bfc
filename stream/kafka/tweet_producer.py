"""Produces tweets with kafka-python: acknowledged by all replicas, at a steady rate when one is asked for."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, MessageSizeTooLargeError

from contracts.errors import Unavailable
from contracts.settings import Settings
from contracts.topics import DEAD_LETTER_ROOM, MAX_RECORD_BYTES
from contracts.tracing.propagation import HEADER
from stream.kafka.tweet_files import Line

_log = logging.getLogger("buzzwatch.produce")

_TIMEOUT_S = 30.0
"""Longest wait for Kafka to accept or acknowledge a tweet; a broker that restarts is back within it."""


class TweetProducer:
    """Sends lines to `tweets` and counts what Kafka has acknowledged.

    Args:
        settings: Kafka and the topic.
        traced: gives the `traceparent` of the next tweet, "" for one that is not traced.

    Raises:
        Unavailable: there is no Kafka.
    """

    def __init__(self, settings: Settings, traced: Callable[[], str] = str) -> None:
        self._traced = traced
        self._topic = settings.kafka.topics.tweets
        self._servers = settings.kafka.bootstrap_servers
        self.acknowledged = 0
        self.refused: list[str] = []
        try:
            self._producer = KafkaProducer(
                **settings.kafka.kafka_python(),
                acks="all",
                compression_type="lz4",
                linger_ms=5,
                batch_size=65_536,
                max_request_size=MAX_RECORD_BYTES + DEAD_LETTER_ROOM,
                allow_auto_create_topics=False,
                bootstrap_timeout_ms=5_000,
                request_timeout_ms=int(_TIMEOUT_S * 500),
                delivery_timeout_ms=int(_TIMEOUT_S * 1000),
                max_block_ms=int(_TIMEOUT_S * 1000),
            )
        except KafkaError as error:
            raise Unavailable(
                f"Kafka does not answer at {self._servers} ({type(error).__name__}: {error}): run `buzzwatch up`"
                " or set BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS"
            ) from None

    def send(self, line: Line) -> None:
        """Queue one line. `acknowledged` and `refused` report later whether Kafka accepted it.

        Raises:
            Unavailable: Kafka has accepted nothing for half a minute.
        """
        try:
            context = self._traced()
            headers = [(HEADER, context.encode())] if context else None
            future: Any = self._producer.send(self._topic, line.value, line.key, headers)
        except MessageSizeTooLargeError as error:
            self.refused.append(f"{line.key.decode('utf-8', 'replace')[:80]}: {error}")
            return
        except KafkaError as error:
            raise Unavailable(
                f"Kafka at {self._servers} does not accept tweets: {type(error).__name__}: {error}"
            ) from None
        future.add_callback(self._count)
        future.add_errback(self._refuse, line.key)

    def close(self) -> None:
        """Wait until the queued lines are acknowledged, at most half a minute."""
        try:
            self._producer.close(timeout=_TIMEOUT_S)
        except KafkaError as error:
            _log.warning(
                "Kafka at %s has not acknowledged all tweets (%s); those that are missing are not counted as sent",
                self._servers, error,
            )  # fmt: skip

    def _count(self, _metadata: Any) -> None:
        self.acknowledged += 1

    def _refuse(self, key: bytes, error: Exception) -> None:
        self.refused.append(f"{key.decode('utf-8', 'replace')[:80]}: {type(error).__name__}: {error}")


def paced(lines: Iterable[Line], rate: float | None, sleep: Callable[[float], None] = time.sleep) -> Iterable[Line]:
    """The same lines, at most `rate` a second on average; without a limit when it is None."""
    if rate is None:
        yield from lines
        return
    since = time.monotonic()
    for number, line in enumerate(lines):
        ahead = number / rate - (time.monotonic() - since)
        if ahead > 0:
            sleep(ahead)
        yield line
