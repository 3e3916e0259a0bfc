"""Which topic of its name this is: Kafka gives another id to one that was deleted and created again."""

from __future__ import annotations

import time
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from contracts.errors import Unavailable
from contracts.settings import Settings

_CALL_S = 5.0
_LOOK_EVERY_S = 1.0


class TopicIdentity:
    """Asks for a topic's id, and notices that it has changed. One thread calls it."""

    def __init__(self, settings: Settings, topic: str) -> None:
        self._properties = settings.kafka.librdkafka() | {"log_level": 2}  # what goes wrong is raised
        self._topic = topic
        self._client: Any = None
        self._known: str | None = None
        self._looking: Future[Any] | None = None
        self._look_next = 0.0
        self._away_since: float | None = None
        self._why = ""

    @property
    def away_s(self) -> float:
        """How long Kafka has not answered or not had the topic, seconds; 0 when it did at the last look."""
        since = self._away_since
        return 0.0 if since is None else time.monotonic() - since

    @property
    def problem(self) -> str | None:
        """What is wrong since then, None when nothing is."""
        return None if self._away_since is None else f"Kafka has not answered for {self.away_s:.0f} s: {self._why}"

    def give_up_after(self, limit_s: float) -> None:
        """Raise when Kafka has been away for longer.

        Raises:
            Unavailable: it has.
        """
        if self.away_s > limit_s:
            raise Unavailable(self.problem or "")

    def ask(self) -> str:
        """The id now.

        Raises:
            KafkaException: Kafka does not answer, or has no such topic.
        """
        self._looking = None
        self._known = str(self._described().result(timeout=_CALL_S + 1).topic_id)
        return self._known

    def changed(self) -> bool:
        """Whether it is another one than `ask` said last; looks once a second and never blocks."""
        if self._looking is not None:
            if not self._looking.done():
                return False
            looked, self._looking = self._looking, None
            try:
                found = str(looked.result().topic_id)
            except KafkaException as error:  # away, or deleted and not created again yet
                self._why = error.args[0].str()
                self._away_since = self._away_since or time.monotonic()
                return False
            self._away_since = None
            return self._known is not None and found != self._known
        now = time.monotonic()
        if now >= self._look_next:
            self._look_next = now + _LOOK_EVERY_S
            self._looking = self._described()
        return False

    def _described(self) -> Future[Any]:
        if self._client is None:
            self._client = AdminClient(self._properties)
        found = self._client.describe_topics(TopicCollection([self._topic]), request_timeout=_CALL_S)
        described: Future[Any] = found[self._topic]
        return described
