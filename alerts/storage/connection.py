"""Opens Redis with the options that every part of alerts/ needs."""

from __future__ import annotations

import redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from contracts.settings import Settings


def connect(settings: Settings) -> redis.Redis:
    """A client with the settings' time-outs; nothing is sent before its first command.

    A command that finds its connection dead is sent once more. That is safe, since every script may run twice:
    counts are guarded by their mark, alert states by their revision, deliveries by their claim.
    """
    return redis.Redis.from_url(
        settings.redis.url,
        decode_responses=True,
        socket_timeout=settings.redis.timeout_s,
        socket_connect_timeout=settings.redis.timeout_s,
        health_check_interval=15,
        retry=Retry(ExponentialWithJitterBackoff(base=0.01, cap=0.1), retries=1),
    )


def require_text(client: redis.Redis) -> redis.Redis:
    """Refuse a client that returns bytes: keys and fields are compared as text everywhere."""
    if not client.connection_pool.connection_kwargs.get("decode_responses"):
        raise TypeError("open Redis with alerts.storage.connection.connect: decode_responses must be on")
    return client
