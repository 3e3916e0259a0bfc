"""Tweets that were erased while somebody watches: they leave memory and open pages."""

from __future__ import annotations

import time
from typing import Any, Final

import redis

from alerts.storage.keys import forgotten_key

_BACK_S: Final = 3600.0
"""How far back it is looked each time: clocks of two machines may differ by so much."""
_LOOK_S: Final = 2.0


class ForgottenTweets:
    """What was erased lately.

    Args:
        client: opened by `alerts.storage.connection.connect`.
        prefix: of its keys.
    """

    def __init__(self, client: redis.Redis, prefix: str) -> None:
        self._redis: Any = client
        self._key = forgotten_key(prefix)
        self._seen: set[str] = set()
        self._looked_at = float("-inf")

    def new(self) -> set[str]:
        """Ids of tweets and predictions that were erased since the last call; looks every two seconds at most.

        Raises:
            redis.RedisError: Redis is away.
        """
        if time.monotonic() - self._looked_at < _LOOK_S:
            return set()
        found = set(self._redis.zrange(self._key, time.time() - _BACK_S, "+inf", byscore=True))
        self._looked_at = time.monotonic()
        fresh, self._seen = found - self._seen, found
        return fresh
