"""Opens Redis with the options that every part of alerts/ needs; behind Sentinels, the master of the moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

import redis
from redis.asyncio import ConnectionPool as AsyncPool
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry
from redis.sentinel import Sentinel

from alerts.storage.foreign import found_in, named_in
from contracts.backing_services import SENTINEL
from contracts.settings import RedisSettings, Settings


class _Sentinels(NamedTuple):
    """What a `redis+sentinel://` address says."""

    hosts: list[tuple[str, int]]
    master: str
    options: dict[str, Any]
    """Database, user and password of the Redis itself."""

    @classmethod
    def of(cls, url: str) -> _Sentinels:
        parts = urlsplit(url)
        user, _, hosts = parts.netloc.rpartition("@")
        name, _, password = user.partition(":")
        master, _, database = parts.path.strip("/").partition("/")
        options: dict[str, Any] = {"db": int(database or 0)}
        if password:
            options |= {"username": unquote(name) or None, "password": unquote(password)}
        found = [host.rpartition(":") for host in hosts.split(",")]
        return cls([(host.strip("[]"), int(port)) for host, _, port in found], master, options)


class _Pipeline(redis.client.Pipeline):
    """Names the key where something else than ours stands under one."""

    def __init__(self, client: _Client, transaction: bool, shard_hint: Any) -> None:
        super().__init__(client.connection_pool, client.response_callbacks, transaction, shard_hint)
        self._client = client

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """As redis-py's.

        Raises:
            ForeignDataError: names the key.
        """
        commands = [command[0] for command in self.command_stack]
        ask = super().execute
        try:
            answers: list[Any] = self._client.asked(lambda: ask(raise_on_error))
            return answers
        except redis.ResponseError as error:
            place = named_in(error)
            found = found_in(self._client, commands[place], error) if place is not None else None
            if found is None:
                raise
            raise found from error


class _Client(redis.Redis):
    """Names the key where something else than ours stands under one."""

    silent_s = 0.0
    """For so long after a time-out other commands fail at once, seconds; then one asks again, while they go on to."""
    _silent_until = 0.0

    def asked(self, ask: Callable[[], Any]) -> Any:
        """What `ask` returns.

        Raises:
            redis.TimeoutError: Redis does not answer in time, or did not a moment ago.
        """
        now = time.monotonic()
        if now < self._silent_until:
            raise redis.TimeoutError("Redis did not answer in time a moment ago")
        if self._silent_until:
            self._silent_until = now + self.silent_s
        try:
            answer = ask()
        except redis.TimeoutError:
            self._silent_until = time.monotonic() + self.silent_s
            raise
        self._silent_until = 0.0
        return answer

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """As redis-py's.

        Raises:
            ForeignDataError: names the key.
        """
        try:
            ask: Any = super().execute_command  # which has no types
            return self.asked(lambda: ask(*args, **options))
        except redis.ResponseError as error:
            if (found := found_in(self, args, error)) is None:
                raise
            raise found from error

    def pipeline(self, transaction: bool = True, shard_hint: Any = None) -> redis.client.Pipeline:
        """As redis-py's."""
        return _Pipeline(self, transaction, shard_hint)


def connect(settings: Settings, *, silent_s: float = 0.0) -> redis.Redis:
    """A client with the settings' time-outs; nothing is sent before its first command.

    A command that finds its connection dead is sent once more. That is safe, since every script may run twice:
    counts are guarded by their mark, alert states by their revision, deliveries by their claim.

    Args:
        silent_s: for who has people waiting: a command that gets no answer in time is not sent once more, and for so
            many seconds no other waits for one either.
    """
    seconds = settings.redis.timeout_s
    retried = (redis.ConnectionError,) if silent_s else (redis.ConnectionError, redis.TimeoutError)
    options: dict[str, Any] = {
        "decode_responses": True,
        "encoding_errors": "backslashreplace",  # bytes of others end nobody who reads them as text
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        "health_check_interval": 15,
        "retry": Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), 1, retried),
    }
    client = _opened(settings, options)
    client.silent_s = silent_s
    return client


def _opened(settings: Settings, options: dict[str, Any]) -> _Client:
    if not settings.redis.url.startswith(SENTINEL):
        made: _Client = _Client.from_url(settings.redis.url, **options)  # type: ignore[assignment]  # typed as its base
        return made
    found = _Sentinels.of(settings.redis.url)
    asked = {name: options[name] for name in ("socket_timeout", "socket_connect_timeout")}
    make: Any = Sentinel  # which has no types
    client: _Client = make(found.hosts, sentinel_kwargs=asked).master_for(
        found.master, redis_class=_Client, **(options | found.options)
    )
    return client


def async_pool(settings: RedisSettings, timeout_s: float) -> AsyncPool:
    """Connections for a client of an event loop, answers as bytes."""
    options: dict[str, Any] = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
    if not settings.url.startswith(SENTINEL):
        return AsyncPool.from_url(settings.url, **options)
    found = _Sentinels.of(settings.url)
    make: Any = AsyncSentinel
    client = make(found.hosts, sentinel_kwargs=options).master_for(found.master, **(options | found.options))
    pool: AsyncPool = client.connection_pool
    return pool


async def close_async_pool(pool: AsyncPool) -> None:
    """Close the connections of `async_pool`, those to Sentinels too, which the pool leaves open."""
    await pool.aclose()
    sentinels = getattr(pool, "sentinel_manager", None)
    for client in sentinels.sentinels if sentinels is not None else ():
        await client.aclose()


def require_text(client: redis.Redis) -> redis.Redis:
    """Refuse a client that returns bytes: keys and fields are compared as text everywhere."""
    if not client.connection_pool.connection_kwargs.get("decode_responses"):
        raise TypeError("open Redis with alerts.storage.connection.connect: decode_responses must be on")
    return client
