"""Alert states in Redis: read with a revision, written only when nothing has moved since.

A pure rule computes from a snapshot what is to be written: states, history, outbox entries, and for feedback the
mark, the remembered ids and the streaks. One Lua call writes all of it, or is refused when another writer
was faster; the caller then takes a new snapshot and computes again. So a change of state is never lost, never
doubled, and never without its notification.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import redis

from alerts.state.alert import Acknowledgement, Alert, State, Transition, decode, encode
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable, readable_values
from alerts.storage.keys import AlertKeys
from contracts.errors import Unavailable
from contracts.settings import Settings

Command = tuple[str, ...]
"""A Redis command; its second part is a key of AlertKeys."""
Commands = list[Command]
_Lists = list[list[Any]]
_Alerts = list[Alert]

_episodes_of: Final = msgspec.json.Decoder(list[tuple[int, int]]).decode
EPISODES: Final = 20
"""How many past episodes per fingerprint are remembered, for baselines."""
_ATTEMPTS: Final = 50

# KEYS: revision, then what the commands refer to by number. ARGV: expected revision, new revision, commands
# (msgpack: [[name, number of the key, argument, …], …]).
# The revision is a random token, no counter: a Redis that lost its last second and then counted on would show
# an old number with another content.
_COMMIT: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
for _, command in ipairs(cmsgpack.unpack(ARGV[3])) do
  command[2] = KEYS[command[2]]
  redis.call(unpack(command))
end
redis.call('SET', KEYS[1], ARGV[2])
return 1
"""


@dataclass(frozen=True)
class Snapshot:
    """Pending and firing alerts and recent episodes, at one revision."""

    revision: str
    active: Mapping[str, Alert]
    """Pending and firing alerts by fingerprint."""
    episodes: Mapping[str, Sequence[tuple[int, int]]]
    """By fingerprint: start and end of past episodes in ms, oldest first."""

    def free_start(self, fingerprint: str, start_ms: int) -> int:
        """`start_ms`, or the first millisecond after the last episode: two episodes never start at once."""
        past = self.episodes.get(fingerprint, ())
        return max(start_ms, past[-1][1] + 1) if past else start_ms


class AlertStore:
    """Reads and writes alert states. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._history = settings.alerts.history
        self._commit = self._redis.register_script(_COMMIT)
        self._cached: Snapshot | None = None

    def list(self, state: State | None = None) -> _Alerts:
        """Firing alerts, then pending, then resolved ones, each newest first; only those in `state` unless it is
        None."""
        pipeline = self._redis.pipeline()
        pipeline.hvals(self._keys.active)
        pipeline.lrange(self._keys.history, 0, -1)
        active, history = pipeline.execute()
        found = sorted(
            readable_values(self._keys.active, active, decode),
            key=lambda alert: (alert.state == "pending", -alert.starts_at_ms, alert.fingerprint),
        )
        found += readable_values(self._keys.history, history, decode)
        return [alert for alert in found if state in (None, alert.state)]

    def snapshot(self) -> Snapshot:
        """The states now; reads only the revision from Redis when that has not changed."""
        revision = self._redis.get(self._keys.revision) or ""
        if self._cached is not None and self._cached.revision == revision:
            return self._cached
        # The revision was read first: a write in between makes the commit fail, never pass.
        pipeline = self._redis.pipeline()
        pipeline.hgetall(self._keys.active)
        pipeline.hgetall(self._keys.episodes)
        active, episodes = pipeline.execute()
        self._cached = Snapshot(
            revision,
            dict(readable(self._keys.active, active.items(), decode)),
            dict(readable(self._keys.episodes, episodes.items(), _episodes_of)),
        )
        return self._cached

    def commit(self, snapshot: Snapshot, commands: Iterable[Command]) -> bool:
        """Write all of `commands` in one Lua call, or nothing (False) when the revision has moved on."""
        names = [self._keys.revision]
        numbers: dict[str, int] = {}
        work: _Lists = []
        for name, key, *arguments in commands:
            if key not in numbers:
                names.append(key)
                numbers[key] = len(names)
            work.append([name, numbers[key], *arguments])
        packed = msgspec.msgpack.encode(work)
        return bool(self._commit(keys=names, args=[snapshot.revision, uuid.uuid4().hex, packed]))

    def acknowledge(self, fingerprint: str, acknowledgement: Acknowledgement | None) -> Alert | None:
        """Set or remove (None) the acknowledgement of a pending or firing alert; it holds until the alert ends.

        Returns the alert, None when there is none of this fingerprint.

        Raises:
            Unavailable: other writers were always faster.
        """
        for _ in range(_ATTEMPTS):
            snapshot = self.snapshot()
            alert = snapshot.active.get(fingerprint)
            if alert is None:
                return None
            alert = msgspec.structs.replace(alert, acknowledgement=acknowledgement)
            if self.commit(snapshot, self.store(alert)):
                return alert
        raise Unavailable(
            f"the alert is not acknowledged: other processes changed the alert states in Redis {_ATTEMPTS} times "
            "meanwhile; try again"
        )

    def store(self, alert: Alert) -> Commands:
        """Commands that keep a pending or firing alert."""
        return [("HSET", self._keys.active, alert.fingerprint, encode(alert))]

    def forget(self, alert: Alert) -> Commands:
        """Commands that drop a pending alert whose condition does not hold any more."""
        return [("HDEL", self._keys.active, alert.fingerprint)]

    def record(self, snapshot: Snapshot, transitions: Iterable[Transition]) -> Commands:
        """Commands that store changes of state, in their order."""
        commands: Commands = []
        episodes = {fingerprint: list(past) for fingerprint, past in snapshot.episodes.items()}
        for status, alert in transitions:
            if status == "firing":
                # An alert is explained anew when it begins to fire.
                fired = msgspec.structs.replace(alert, fired_ms=alert.fired_ms or alert.explained_ms)
                commands += self.store(fired)
                continue
            assert alert.ends_at_ms is not None
            past = [*episodes.get(alert.fingerprint, ()), (alert.starts_at_ms, alert.ends_at_ms)][-EPISODES:]
            episodes[alert.fingerprint] = past
            commands += [
                ("HDEL", self._keys.active, alert.fingerprint),
                ("HSET", self._keys.episodes, alert.fingerprint, json.dumps(past)),
            ]
            if self._history:
                commands += [
                    ("LPUSH", self._keys.history, encode(alert)),
                    ("LTRIM", self._keys.history, "0", str(self._history - 1)),
                ]
        return commands
