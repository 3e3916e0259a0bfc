"""Which notifiers there are, and when each was last at work: for people to look up alone, nothing is decided by it."""

from __future__ import annotations

import os
import socket
from typing import Any, Final, NamedTuple

import redis

from alerts.storage.connection import require_text
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings

_KEPT_MS: Final = 86_400_000
"""A notifier that was killed is known for a day."""


class Seen(NamedTuple):
    """One notifier."""

    name: str
    """Its host and process."""
    at_ms: int
    """When it last went round."""


class Notifiers:
    """Keeps them in Redis. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._key = AlertKeys(settings.redis.prefix).notifiers
        self._me = f"{socket.gethostname()}:{os.getpid()}"

    def note_me(self, now_ms: int) -> None:
        """This process is one, and is at work now."""
        pipeline = self._redis.pipeline(transaction=False)
        pipeline.zadd(self._key, {self._me: now_ms})
        pipeline.zremrangebyscore(self._key, 0, now_ms - _KEPT_MS)
        pipeline.execute()

    def forget_me(self) -> None:
        """This process ends as it should."""
        self._redis.zrem(self._key, self._me)

    def seen(self) -> list[Seen]:
        """All of the last day, the one that was at work last first."""
        return [Seen(name, int(at)) for name, at in self._redis.zrevrange(self._key, 0, -1, withscores=True)]
