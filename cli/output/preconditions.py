"""What commands say when Redis does not answer, or takes no writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from alerts.storage.redis_health import place_of, trouble_of
from contracts.errors import Unavailable
from contracts.settings import RedisSettings


@contextmanager
def redis_answers(settings: RedisSettings) -> Iterator[None]:
    """Within the block an error of Redis is one line.

    Raises:
        Unavailable: names the address without its password, and says what to do.
    """
    try:
        yield
    except redis.RedisError as error:
        raise Unavailable(f"Redis at {place_of(settings)} {trouble_of(error, settings).line}") from None
