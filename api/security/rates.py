"""How often a key, or an address, may ask: counted in Redis over a sliding window, for all APIs together.

When Redis is away, signing in is refused, so that nobody can guess keys meanwhile; everything else is let through and
counted as unchecked, so that predictions outlive Redis. After a failure Redis is not asked for two seconds: no request
waits for it but the first.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, NamedTuple

import redis
from fastapi import HTTPException
from limits import RateLimitItem
from limits import parse as parse_rate
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool

from alerts.storage.connection import async_pool
from alerts.storage.redis_health import TroubleLog, trouble_of
from api.security.keys import Scope
from contracts.errors import Unavailable
from contracts.settings import Settings

_log = logging.getLogger("buzzwatch.api")

Kind = Scope | Literal["login"]
_TIMEOUT_S: Final = 0.25
_PAUSE_S: Final = 2.0
_FAILURES: Final = (redis.RedisError, OSError, TimeoutError)


class _Limit(NamedTuple):
    item: RateLimitItem
    text: str


class Rates:
    """Counts requests.

    Args:
        settings: of Redis, and the rates.
        unchecked: told the kind of each request that could not be counted.
    """

    def __init__(self, settings: Settings, unchecked: Callable[[str], object] = lambda _kind: None) -> None:
        self._redis = settings.redis
        self._prefix = f"{settings.redis.prefix}:{{api}}:rate"
        self._limits = {kind: _Limit(parse_rate(text), text) for kind, text in rates_of(settings).items() if text}
        self.unchecked = unchecked
        self._limiter: SlidingWindowCounterRateLimiter | None = None
        self._pool: ConnectionPool | None = None
        self._paused_until = float("-inf")
        self._trouble = TroubleLog(_log, settings.redis, "requests are not counted against their rates")

    async def check(self, kind: Kind, who: str) -> None:
        """Count a request.

        Args:
            kind: its scope, or `login`.
            who: the id of a key, or an address.

        Raises:
            HTTPException: 429, with when to come again.
            Unavailable: it cannot be counted, and must be.
        """
        limit = self._limits.get(kind)
        if limit is None:
            return
        if time.monotonic() < self._paused_until:
            self._not_counted(kind)
            return
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if await self._counting().hit(limit.item, kind, who):
                    self._trouble.recovered()
                    return
                stats = await self._counting().get_window_stats(limit.item, kind, who)
        except _FAILURES as error:
            self._paused_until = time.monotonic() + _PAUSE_S
            known = error if isinstance(error, redis.RedisError) else redis.ConnectionError(type(error).__name__)
            self._trouble.failed(trouble_of(known))
            self._not_counted(kind)
            return
        wait_s = max(1, math.ceil(stats.reset_time - time.time()))
        raise HTTPException(
            429, f"too many requests: {limit.text} are allowed here", headers={"Retry-After": str(wait_s)}
        )

    async def stop(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = self._limiter = None

    def _counting(self) -> SlidingWindowCounterRateLimiter:
        if self._limiter is None:  # in the event loop that it belongs to
            self._pool = async_pool(self._redis, _TIMEOUT_S)
            options: dict[str, Any] = {"connection_pool": self._pool}  # its types leave this one out
            storage = RedisStorage("async+redis://", implementation="redispy", key_prefix=self._prefix, **options)
            self._limiter = SlidingWindowCounterRateLimiter(storage)
        return self._limiter

    def _not_counted(self, kind: Kind) -> None:
        self.unchecked(kind)
        if kind == "login":
            raise Unavailable("nobody can sign in: Redis does not answer")


def rates_of(settings: Settings) -> Mapping[Kind, str]:
    """Kind → such as `600/minute`; empty: no limit."""
    api = settings.api
    return {
        "read": api.rate_read,
        "predict": api.rate_predict,
        "feedback": api.rate_feedback,
        "review": api.rate_review,
        "operate": api.rate_operate,
        "login": api.rate_login,
    }
