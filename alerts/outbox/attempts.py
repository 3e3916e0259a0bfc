"""What receivers answered, per alert: to whom it was sent, and whether it arrived. For people to look up alone."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec
import redis
from msgspec import Struct

from alerts.outbox.store import Entry
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable_values
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings

_KEPT: Final = 50
_KEPT_S: Final = 8 * 86_400


class Attempt(Struct, frozen=True):
    """One attempt to deliver a notification."""

    at_ms: int
    receiver: str
    status: str
    """The state that was sent: `firing` or `resolved`."""
    outcome: str
    """`delivered`, `retry`, `exhausted`, `gone`, `lost`."""
    detail: str
    """What the receiver answered, where it did not take it."""
    number: int
    """1 for the first attempt."""


_decode: Final = msgspec.json.Decoder(Attempt).decode


class AttemptLog:
    """Keeps the newest attempts of each alert. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)

    def note(self, entry: Entry, outcome: str, detail: str, now_ms: int) -> None:
        """Keep what became of an attempt, for each alert in the notification."""
        attempt = Attempt(now_ms, entry.receiver, entry.status, outcome, detail, entry.failures + 1)
        text = msgspec.json.encode(attempt).decode()
        pipeline = self._redis.pipeline(transaction=False)
        for fingerprint in {alert["fingerprint"] for alert in json.loads(entry.body)["alerts"]}:
            key = self._keys.attempts(fingerprint)
            pipeline.rpush(key, text)
            pipeline.ltrim(key, -_KEPT, -1)
            pipeline.expire(key, _KEPT_S)
        pipeline.execute()

    def of(self, fingerprint: str) -> list[Attempt]:
        """Those about one alert, oldest first; of all its episodes."""
        key = self._keys.attempts(fingerprint)
        return readable_values(key, self._redis.lrange(key, 0, -1), _decode)
