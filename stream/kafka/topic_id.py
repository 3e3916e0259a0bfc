"""Detects that a topic was deleted and created again: Kafka then gives it another id."""

from __future__ import annotations

import time
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from contracts.errors import Unavailable
from contracts.settings import Settings

_CALL_S = 2.0
"""Time-out of a request. A broker that is up answers in milliseconds."""
_LOOK_S = 0.5
"""Longest that brokers are asked who of them answers now."""
_CHECK_EVERY_S = 1.0
"""A new topic is noticed within a second or two, as docs/guarantees.md promises."""


class TopicIdentity:
    """Requests a topic's id and detects when it changes. Not thread-safe."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._properties = settings.kafka.librdkafka() | {"log_level": 2}  # errors are raised, not logged as well
        self._topic = topic
        self._client: Any = None
        self._known: str | None = None
        self._request: Future[Any] | None = None
        self._next_check = 0.0
        self._away_since: float | None = None
        self._why = ""

    @property
    def away_s(self) -> float:
        """For how long Kafka has not answered or not had the topic, seconds; 0 when the last request succeeded."""
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def problem(self) -> str | None:
        """Why Kafka or the topic is missing, None when neither is."""
        return None if self._away_since is None else f"Kafka has not answered for {self.away_s:.0f} s: {self._why}"

    def give_up_after(self, limit_s: float) -> None:
        """Check that Kafka has not been away for longer than the limit.

        Raises:
            Unavailable: it has.
        """
        if self.away_s > limit_s:
            raise Unavailable(self.problem or "")

    def ask(self) -> str:
        """Request the id; blocks.

        Raises:
            KafkaException: Kafka does not answer, or has no such topic.
        """
        self._request, request = None, self._describe()
        self._known = self._answer(request)
        return self._known

    def changed(self) -> bool:
        """Whether the id differs from the last one that `ask` returned; checks once a second and hardly blocks."""
        if self._request is not None:
            if not self._request.done():
                return False
            answer, self._request = self._request, None
            try:
                found = self._answer(answer)
            except KafkaException:  # away, or deleted and not created again yet
                return False
            return self._known is not None and found != self._known
        now = time.monotonic()
        if now >= self._next_check:
            self._next_check = now + _CHECK_EVERY_S
            self._request = self._describe()
        return False

    def _answer(self, request: Future[Any]) -> str:
        try:
            found = str(request.result(timeout=_CALL_S + 1).topic_id)
        except TimeoutError:
            error = KafkaException(KafkaError(KafkaError._TIMED_OUT))
        except KafkaException as refused:
            error = refused
        else:
            self._away_since = None
            return found
        self._why = error.args[0].str()
        self._away_since = self._away_since or time.monotonic()
        raise error

    def _describe(self) -> Future[Any]:
        if self._client is None:
            self._client = AdminClient(self._properties)
        elif self._away_since is not None:
            # Only the controller is asked. When it is killed, librdkafka 2.16 connects to it without a pause, and to no
            # other before somebody asks for metadata.
            with suppress(KafkaException):
                self._client.list_topics(self._topic, timeout=_LOOK_S)
        found = self._client.describe_topics(TopicCollection([self._topic]), request_timeout=_CALL_S)
        described: Future[Any] = found[self._topic]
        return described
