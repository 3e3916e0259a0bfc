"""Keys in Redis. Only their SHA-256 is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import msgspec
import redis

from alerts.storage.connection import require_text
from alerts.storage.foreign import readable, reading
from alerts.storage.keys import AccessKeys
from api.security.keys import KeyRecord
from contracts.errors import BuzzwatchError
from contracts.settings import Settings

_KEPT_MS = 90 * 86_400_000
"""How long keys that are no longer good are listed."""

_record_of = msgspec.json.Decoder(KeyRecord).decode


class KeyStore:
    """All keys, and when each was last used."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client = require_text(client)
        self._names = AccessKeys(settings.redis.prefix)

    def all(self) -> dict[str, KeyRecord]:
        """Id → record, also of those that are no longer good; the oldest first.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        kept = cast("dict[str, str]", self._client.hgetall(self._names.keys))
        records = dict(readable(self._names.keys, kept.items(), _record_of)).values()
        return {record.id: record for record in sorted(records, key=lambda one: (one.created_ms, one.id))}

    def last_used(self) -> dict[str, int]:
        """Id → when it was last used, ms."""
        kept = cast("dict[str, str]", self._client.hgetall(self._names.keys_used))
        return dict(readable(self._names.keys_used, kept.items(), int))

    def add(self, record: KeyRecord, now_ms: int) -> None:
        """Keep it; forget keys that have been of no use for 90 days."""
        pipeline = self._client.pipeline()
        for old in self.all().values():
            over_ms = old.revoked_ms if old.revoked_ms is not None else old.expires_ms
            if over_ms is not None and over_ms < now_ms - _KEPT_MS:
                pipeline.hdel(self._names.keys, old.id)
                pipeline.hdel(self._names.keys_used, old.id)
        pipeline.hset(self._names.keys, record.id, msgspec.json.encode(record).decode())
        pipeline.execute()

    def add_first(self, record: KeyRecord) -> bool:
        """Keep it if there is no key at all; whether it was kept. Two that try at once have one key between them."""

        kept = False

        def only_if_empty(pipeline: redis.client.Pipeline) -> None:
            nonlocal kept
            kept = not pipeline.hlen(self._names.keys)
            pipeline.multi()
            if kept:
                pipeline.hset(self._names.keys, record.id, msgspec.json.encode(record).decode())

        self._client.transaction(only_if_empty, self._names.keys)
        return kept

    def change(self, key_id: str, change: Callable[[KeyRecord], KeyRecord]) -> KeyRecord:
        """Replace a record by what is made of it.

        Raises:
            BuzzwatchError: there is no such key.
        """

        found: list[KeyRecord] = []

        def changed(pipeline: redis.client.Pipeline) -> None:
            value = pipeline.hget(self._names.keys, key_id)
            if value is None:
                raise BuzzwatchError(f"there is no key {key_id!r}; `buzzwatch keys list --all` shows all")
            with reading(self._names.keys):
                found[:] = [change(_record_of(cast("str", value)))]
            pipeline.multi()
            pipeline.hset(self._names.keys, key_id, msgspec.json.encode(found[0]).decode())

        self._client.transaction(changed, self._names.keys)
        return found[0]

    def note_used(self, used_ms: Mapping[str, int]) -> None:
        """Note when keys were last used."""
        if used_ms:
            self._client.hset(self._names.keys_used, mapping={key_id: str(when) for key_id, when in used_ms.items()})
