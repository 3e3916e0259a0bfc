"""Which traced tweets were counted lately, for the alerts that they may lead to."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Final

import redis

from alerts.storage.connection import require_text
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.alerts")

MOST: Final = 16
"""Contexts that are remembered for a watch, the newest: an alert's span has so many links at most."""
_KEPT_S: Final = 900


class RecentTraces:
    """Kept in Redis, as another worker may evaluate the rules. Raises nothing: what is lost is a link."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)

    def remember(self, watches: Sequence[str], traceparent: str) -> None:
        """A traced tweet about these watches was counted."""
        try:
            pipe = self._redis.pipeline(transaction=False)
            for watch in watches:
                key = self._keys.traces(watch)
                pipe.lpush(key, traceparent).ltrim(key, 0, MOST - 1).expire(key, _KEPT_S)
            pipe.execute()
        except redis.RedisError as error:
            _log.debug("a trace is not remembered: %s", error)

    def of(self, watch: str) -> list[str]:
        """The contexts of those about a watch, the newest first."""
        try:
            return list(self._redis.lrange(self._keys.traces(watch), 0, -1))
        except redis.RedisError:
            return []
