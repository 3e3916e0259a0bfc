"""Kafka transactions of a worker: its producer, and calls that are made again while Kafka is away.

Imports little: a takeover begins before the rest of the worker is imported.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from contracts.errors import Unavailable
from contracts.settings import Settings
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
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Make a transactional call again while librdkafka allows it, up to the limit, and while it is wanted."""
    since = time.monotonic()
    while True:
        try:
            call(*args, _CALL_S) if timed else call(*args)
            return
        except KafkaException as error:
            cause: KafkaError = error.args[0]
            if not cause.retriable() or not wanted():
                raise
            away_s = time.monotonic() - since
            if away_s > give_up_after_s:
                raise Unavailable(f"Kafka has not answered for {away_s:.0f} s: {cause.str()}") from None
            _log.warning("Kafka does not answer, trying again: %s", cause.str())
            time.sleep(_RETRY_S)
