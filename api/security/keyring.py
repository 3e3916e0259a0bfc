"""The keys as a running API knows them: in memory, read again every two seconds.

No request waits for Redis on account of its key, but the first with a key that is not known yet. When Redis goes away
the keys that are known stay good for five minutes, so that predictions outlive a restart of it; then none is.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Final

import redis

from alerts.storage.redis_health import TroubleLog, trouble_of
from api.security.keys import KeyRecord, PresentedKey
from api.security.store import KeyStore
from contracts.errors import Unavailable
from contracts.settings import RedisSettings
from contracts.times import clock_ms

_log = logging.getLogger("buzzwatch.api")

EVERY_S: Final = 2.0
"""How soon a key that was revoked is refused."""
STALE_S: Final = 300.0
_SOON_S: Final = 0.5
"""Keys that are not known are looked for at most twice a second, whoever sends how many of them."""


class Keyring:
    """Which key is good.

    Args:
        store: where the keys are.
        settings: which Redis, for the log.
        clock: seconds, of what has passed.
    """

    def __init__(
        self, store: KeyStore, settings: RedisSettings, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._clock = clock
        self._records: dict[str, KeyRecord] = {}
        self._read_at: float | None = None
        self._tried_at = float("-inf")
        self._used: dict[str, int] = {}
        self._reading = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._trouble = TroubleLog(_log, settings, "keys that are known stay good for five minutes")

    def start(self) -> None:
        """Read the keys again and again."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="keys", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop; note what was used."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=2)
            self._thread = None

    def read(self) -> bool:
        """Read the keys now; blocks. False when Redis does not answer."""
        with self._reading:
            self._tried_at = self._clock()
            used, self._used = self._used, {}
            try:
                self._records = self._store.all()
                self._store.note_used(used)
            except redis.RedisError as error:
                self._used = used | self._used
                self._trouble.failed(trouble_of(error))
                return False
            self._read_at = self._clock()
            self._trouble.recovered()
            return True

    def any_active(self) -> bool:
        """Whether one of the keys that were read is good now."""
        now_ms = clock_ms()
        return any(record.state(now_ms) == "active" for record in self._records.values())

    async def holder(self, presented: PresentedKey) -> KeyRecord | None:
        """The record of a key that is good now, else None.

        Raises:
            Unavailable: Redis has been away too long to tell.
        """
        record = await self.active(presented.id)
        if not presented.is_that_of(record):
            return None
        assert record is not None
        self._used[record.id] = clock_ms()
        return record

    async def active(self, key_id: str) -> KeyRecord | None:
        """The record with this id if it is good now.

        Raises:
            Unavailable: Redis has been away too long to tell.
        """
        if key_id not in self._records and self._clock() - self._tried_at > _SOON_S:
            await asyncio.to_thread(self.read)
        if self._read_at is None or self._clock() - self._read_at > STALE_S:
            raise Unavailable("the keys cannot be read: Redis does not answer")
        record = self._records.get(key_id)
        return record if record is not None and record.state(clock_ms()) == "active" else None

    def _run(self) -> None:
        while not self._stopping.wait(EVERY_S):
            self.read()
        self.read()
