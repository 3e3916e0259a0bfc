"""Sessions of browsers: who signed in with a key has a cookie, so that pages need not hold the key.

Redis keeps the SHA-256 of the cookie beside the id of the key. A session ends with its time, at sign-out, or when its
key is revoked.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import Final, NamedTuple, cast

import redis

from alerts.storage.connection import require_text
from alerts.storage.keys import AccessKeys
from api.security.keyring import Keyring
from api.security.keys import KeyRecord, digest_of
from contracts.settings import Settings

COOKIE: Final = "buzzwatch_session"
_FORM: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_KNOWN_S: Final = 2.0
"""How soon a session that was ended in another process is refused here."""
_MOST_KNOWN: Final = 10_000


class _Known(NamedTuple):
    key_id: str
    seen_at: float


class Sessions:
    """Sessions in Redis.

    Args:
        client: of Redis, which returns text.
        keyring: says whether the key of a session is good still.
        settings: prefix, and how long a session lasts.
    """

    def __init__(self, client: redis.Redis, keyring: Keyring, settings: Settings) -> None:
        self._client = require_text(client)
        self._keyring = keyring
        self._names = AccessKeys(settings.redis.prefix)
        self.lasts_s = round(settings.api.session_hours * 3600)
        self._known: dict[str, _Known] = {}

    def begin(self, record: KeyRecord) -> str:
        """Sign in with a good key: the cookie's value. Blocks.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        token = secrets.token_urlsafe(32)
        name = self._names.session(digest_of(token))
        self._client.set(name, record.id, ex=self.lasts_s)
        return token

    async def holder(self, token: str) -> KeyRecord | None:
        """The record of the key of a session that is good now, else None.

        Raises:
            Unavailable, redis.RedisError: Redis does not answer.
        """
        if _FORM.fullmatch(token) is None:
            return None
        digest = digest_of(token)
        known = self._known.get(digest)
        if known is None or time.monotonic() - known.seen_at > _KNOWN_S:
            key_id = cast("str | None", await asyncio.to_thread(self._client.get, self._names.session(digest)))
            if key_id is None:
                self._known.pop(digest, None)
                return None
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[digest] = _Known(key_id, time.monotonic())
        return await self._keyring.active(known.key_id)

    async def end(self, token: str) -> None:
        """Sign out.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        digest = digest_of(token)
        self._known.pop(digest, None)
        await asyncio.to_thread(self._client.delete, self._names.session(digest))
