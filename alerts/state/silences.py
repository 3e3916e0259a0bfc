"""Silences: which alerts are not sent, from when to when, by whose order, and why.

Names and rules are Alertmanager's: a silence that was ended or is over is kept for a while, and changing what an
active one matches ends it and begins another.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

import msgspec
import redis
from msgspec import Struct

from alerts.state.alert import Alert
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable, reading
from alerts.storage.keys import AlertKeys
from contracts.errors import BuzzwatchError
from contracts.rules.matchers import Matcher, all_match
from contracts.settings import Settings
from contracts.times import to_rfc3339

SilenceState = Literal["pending", "active", "expired"]
_KEPT_WAKES: Final = 16


class SilenceError(BuzzwatchError):
    """A silence that is not valid."""


class UnknownSilence(SilenceError):
    """No silence has this id."""


class Silence(Struct, frozen=True):
    """A silence as it is stored."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at_ms: int
    ends_at_ms: int
    created_by: str
    comment: str
    updated_at_ms: int

    def state(self, now_ms: int) -> SilenceState:
        """`pending` before its start, `active`, or `expired`."""
        if now_ms >= self.ends_at_ms:
            return "expired"
        return "active" if now_ms >= self.starts_at_ms else "pending"

    def mutes(self, alert: Alert, now_ms: int) -> bool:
        """Whether it silences this alert now."""
        return self.state(now_ms) == "active" and all_match(self.matchers, alert.labels)

    def public(self, now_ms: int) -> dict[str, Any]:
        """As in Alertmanager's API, `GET /api/v2/silences`."""
        return {
            "id": self.id,
            "status": {"state": self.state(now_ms)},
            "matchers": [
                {
                    "name": matcher.name,
                    "value": matcher.value,
                    "isRegex": matcher.operator.endswith("~"),
                    "isEqual": matcher.operator.startswith("="),
                }
                for matcher in self.matchers
            ],
            "startsAt": to_rfc3339(self.starts_at_ms),
            "endsAt": to_rfc3339(self.ends_at_ms),
            "createdBy": self.created_by,
            "comment": self.comment,
            "updatedAt": to_rfc3339(self.updated_at_ms),
        }


def new_silence(
    matchers: Sequence[Matcher], *, starts_at_ms: int, ends_at_ms: int, created_by: str, comment: str, now_ms: int
) -> Silence:
    """A valid silence.

    Raises:
        SilenceError: it matches everything, is over already, or lacks author or comment.
    """
    if not matchers or all(matcher.matches({}) for matcher in matchers):
        raise SilenceError("a silence needs a matcher that no empty label satisfies, or it would mute everything")
    if ends_at_ms <= starts_at_ms:
        raise SilenceError("a silence must end after it starts")
    if ends_at_ms <= now_ms:
        raise SilenceError("a silence must end in the future")
    for what, text in (("createdBy", created_by), ("comment", comment)):
        if not text.strip():
            raise SilenceError(f"a silence needs {what}: name who silences, and why")
    # As in Alertmanager, none starts in the past: notifications that were sent cannot be taken back.
    starts = max(starts_at_ms, now_ms)
    return Silence(str(uuid.uuid4()), tuple(matchers), starts, ends_at_ms, created_by, comment, now_ms)


_Silences = list[Silence]


class SilencesNow(NamedTuple):
    """All that are kept, at one revision."""

    revision: str
    silences: tuple[Silence, ...]


_decode = msgspec.json.Decoder(Silence).decode


class SilenceStore:
    """Silences in Redis. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._retention_ms = int(settings.alerts.silence_retention_s * 1000)
        self._cached: SilencesNow | None = None

    def now(self) -> SilencesNow:
        """All of them; reads only the revision from Redis when that has not changed."""
        revision = self._redis.get(self._keys.silences_revision) or ""
        if self._cached is None or self._cached.revision != revision:
            # The revision was read first: a write in between is read again the next time.
            stored = readable(self._keys.silences, self._redis.hgetall(self._keys.silences).items(), _decode)
            self._cached = SilencesNow(revision, tuple(silence for _, silence in stored))
        return self._cached

    def list(self, now_ms: int) -> _Silences:
        """Active, then pending, then expired ones; of each the one that ends first (last, when expired) first."""
        order = {"active": 0, "pending": 1, "expired": 2}

        def rank(silence: Silence) -> tuple[int, int, str]:
            state = silence.state(now_ms)
            return order[state], -silence.ends_at_ms if state == "expired" else silence.ends_at_ms, silence.id

        return sorted(self.now().silences, key=rank)

    def add(self, silence: Silence, now_ms: int) -> None:
        """Store it, and delete silences that ended longer ago than `silence_retention_s`."""
        old = [
            one.id
            for one in self.now().silences
            if one.ends_at_ms + self._retention_ms < now_ms and one.id != silence.id
        ]
        self._write(silence, old)

    def change(self, silence_id: str, new: Silence, now_ms: int) -> Silence:
        """Replace a silence by `new`; returns what is stored.

        It has the same id when it matches the same alerts and the other was not over, else a new one, and the other
        ends now.

        Raises:
            UnknownSilence: there is none of this id.
        """
        old = self.get(silence_id)
        if old.state(now_ms) != "expired" and old.matchers == new.matchers:
            starts = old.starts_at_ms if old.state(now_ms) == "active" else new.starts_at_ms
            new = msgspec.structs.replace(new, id=old.id, starts_at_ms=starts)
        else:
            self.expire(silence_id, now_ms)
        self.add(new, now_ms)
        return new

    def expire(self, silence_id: str, now_ms: int) -> Silence:
        """End one now; one that is over already stays as it is.

        Raises:
            UnknownSilence: there is none of this id.
        """
        silence = self.get(silence_id)
        if silence.state(now_ms) == "expired":
            return silence
        starts = min(silence.starts_at_ms, now_ms)
        ended = msgspec.structs.replace(silence, starts_at_ms=starts, ends_at_ms=now_ms, updated_at_ms=now_ms)
        self._write(ended, [])
        return ended

    def get(self, silence_id: str) -> Silence:
        """One of them.

        Raises:
            UnknownSilence: there is none of this id.
        """
        text = self._redis.hget(self._keys.silences, silence_id)
        if text is None:
            raise UnknownSilence(f"there is no silence {silence_id!r}")
        with reading(self._keys.silences):
            return _decode(text)

    def _write(self, silence: Silence, dropped: Sequence[str]) -> None:
        pipeline = self._redis.pipeline()
        if dropped:
            pipeline.hdel(self._keys.silences, *dropped)
        pipeline.hset(self._keys.silences, silence.id, msgspec.json.encode(silence).decode())
        pipeline.set(self._keys.silences_revision, uuid.uuid4().hex)
        pipeline.lpush(self._keys.wake, "silences")
        pipeline.ltrim(self._keys.wake, 0, _KEPT_WAKES - 1)
        pipeline.execute()
