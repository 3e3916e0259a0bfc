"""What commands say when Redis does not answer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import redis

from contracts.errors import Unavailable


@contextmanager
def redis_answers(url: str) -> Iterator[None]:
    """Within the block an error of Redis is one line.

    Raises:
        Unavailable: names the address without its password, and says what to do.
    """
    try:
        yield
    except redis.RedisError as error:
        place = url.rpartition("@")[2].removeprefix("redis://").removeprefix("rediss://")
        raise Unavailable(
            f"Redis at {place} does not answer ({error}); start it with `buzzwatch up` or set BUZZWATCH_REDIS__URL"
        ) from None
