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

from alerts.storage.connection import async_pool, close_async_pool
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
        self._uncounted: dict[tuple[str, str], list[asyncio.Future[bool]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
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
            if await self._hit(limit.item, kind, who):
                self._trouble.recovered()
                return
            async with asyncio.timeout(_TIMEOUT_S):
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
        for task in self._tasks:
            task.cancel()
        if self._pool is not None:
            await close_async_pool(self._pool)
            self._pool = self._limiter = None

    async def _hit(self, item: RateLimitItem, kind: str, who: str) -> bool:
        """Whether a request is within the rate; those that come while Redis counts one are counted together next."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[bool] = loop.create_future()
        uncounted = self._uncounted.get((kind, who))
        if uncounted is not None:
            uncounted.append(answer)
        else:
            self._uncounted[kind, who] = [answer]
            task = loop.create_task(self._count(item, kind, who))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await answer

    async def _count(self, item: RateLimitItem, kind: str, who: str) -> None:
        """Count all that wait, and those that come meanwhile."""
        while together := self._uncounted[kind, who]:
            self._uncounted[kind, who] = []
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    within = await self._together(item, kind, who, len(together))
            except Exception as error:  # so do those that came meanwhile: one wait for Redis is enough
                together += self._uncounted[kind, who]
                self._uncounted[kind, who] = []
                for one in together:
                    if not one.done():
                        one.set_exception(error)
                continue
            for place, one in enumerate(together):
                if not one.done():  # its client has gone
                    one.set_result(place < within)
        del self._uncounted[kind, who]

    async def _together(self, item: RateLimitItem, kind: str, who: str, requests: int) -> int:
        """How many of so many requests are within the rate."""
        limiter = self._counting()
        if await limiter.hit(item, kind, who, cost=requests):
            return requests
        within = 0
        while within < requests - 1 and await limiter.hit(item, kind, who):  # near the limit: one by one
            within += 1
        return within

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
