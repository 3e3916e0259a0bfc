"""Waits at start until Kafka has the topics."""

from __future__ import annotations

import logging
import time

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from contracts.errors import Unavailable
from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.stream")

_CALL_S = 5.0
"""Time-out of one request. A broker that is up answers in milliseconds; one that is starting may need seconds."""
_RETRY_S = 1.0
"""Pause between requests: a missing topic is noticed a second after it was created, and Kafka is not flooded."""


def wait_for_topics(settings: Settings) -> None:
    """Block until Kafka answers and has the topics.

    Raises:
        Unavailable: not within `worker.give_up_after_s`; the message names what is missing and what to do.
    """
    admin = AdminClient(settings.kafka.librdkafka() | {"log_level": 0})
    topics = settings.kafka.topics
    names = {topic.name for topic in topics.all()} - {topics.audit}  # that can wait: its events are kept in Redis
    deadline = time.monotonic() + settings.worker.give_up_after_s
    reported = ""
    while True:
        try:
            missing = names - set(admin.list_topics(timeout=_CALL_S).topics)
            problem = (
                f"Kafka has no topic {', '.join(sorted(missing))}: run `buzzwatch topics create`" if missing else ""
            )
        except KafkaException as error:
            problem = f"Kafka does not answer at {settings.kafka.bootstrap_servers}: {error.args[0].str()}"
        if not problem:
            return
        if time.monotonic() > deadline:
            raise Unavailable(problem)
        if problem != reported:
            _log.warning("the worker waits for Kafka and asks again every second: %s", problem)
            reported = problem
        time.sleep(_RETRY_S)
