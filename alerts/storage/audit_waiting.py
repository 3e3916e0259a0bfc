"""Events for the topic `audit` that Redis keeps until Kafka has them.

What silences, acknowledgements and keys change is in Redis. Their event is kept there before the change: no change is
without one, whatever is killed, and a container that is thrown away takes none along.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import redis

from alerts.storage.connection import require_text
from alerts.storage.keys import AccessKeys
from contracts.audit import AuditEvent, decode_audit
from contracts.errors import UnreadableRecord
from contracts.settings import Settings

DUE_AFTER_S: Final = 30.0
"""Who keeps an event sends it at once: an older one is that of a process that died, or of a Kafka that was away."""


class WaitingEvents:
    """The events that wait. All methods raise RedisError where Redis does not answer."""

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._client: Any = require_text(client)
        self._key = AccessKeys(settings.redis.prefix).audit_waiting

    def keep(self, event: AuditEvent) -> None:
        """Remember one."""
        self._client.hset(self._key, str(event.id), event.model_dump_json())

    def drop(self, events: Sequence[AuditEvent]) -> None:
        """Forget those that the topic has, or that came to nothing."""
        if events:
            self._client.hdel(self._key, *(str(event.id) for event in events))

    def due(self, after_s: float = DUE_AFTER_S) -> list[AuditEvent]:
        """Those that nobody is about to send, the oldest first."""
        found = []
        for text in self._client.hvals(self._key):
            with suppress(UnreadableRecord):  # of another release
                found.append(decode_audit(text.encode()))
        until = time.time() - after_s
        return sorted((one for one in found if one.when.timestamp() <= until), key=lambda one: one.when)

    @contextmanager
    def keeping(self, event: AuditEvent) -> Iterator[None]:
        """Keep an event while what it tells of is done; where that fails, drop it."""
        self.keep(event)
        try:
            yield
        except BaseException:
            with suppress(redis.RedisError):
                self.drop([event])
            raise
