"""A key for the play, where the API needs one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import msgspec

from alerts.storage.connection import connect
from api.security.exposure import keys_required
from api.security.keys import new_key
from api.security.store import KeyStore
from contracts.settings import Settings
from contracts.times import clock_ms

_LASTS_MS: Final = 3_600_000


@contextmanager
def access(settings: Settings) -> Iterator[dict[str, str]]:
    """Headers for requests to the API; a key that is in them is revoked when the block is left.

    Raises:
        redis.RedisError: Redis does not answer.
    """
    if not keys_required(settings):
        yield {}
        return
    now_ms = clock_ms()
    key = new_key(
        "demo",
        ("read", "feedback", "review", "operate"),
        now_ms=now_ms,
        created_by="demo",
        expires_ms=now_ms + _LASTS_MS,
    )
    with connect(settings) as client:
        store = KeyStore(client, settings)
        store.add(key.record, now_ms)
        try:
            yield {"authorization": f"Bearer {key.text}"}
        finally:
            revoked_ms = clock_ms()
            store.change(key.record.id, lambda record: msgspec.structs.replace(record, revoked_ms=revoked_ms))
