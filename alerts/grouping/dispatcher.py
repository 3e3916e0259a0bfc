"""Flushes groups when they are due: puts their notifications into the outbox's lanes.

Any number of notifiers may do so at once. Each reads a group, its events and the alert states in one Lua call, decides
without Redis (`alerts.grouping.groups.flush`), and writes in a second call, which is refused when another notifier was
faster. A notifier that is killed between the two calls leaves no trace.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec
import redis

from alerts.grouping.groups import SWEEP_MS, AlertEvent, FlushResult, Group, Notification, flush
from alerts.grouping.payload import notification_id, render
from alerts.outbox.store import Entry
from alerts.state.alert import Alert, decode
from alerts.state.inhibition import Inhibitor
from alerts.state.silences import Silence, SilenceStore
from alerts.storage.connection import require_text
from alerts.storage.foreign import ForeignDataError, pass_over, readable_values, reading, type_of
from alerts.storage.keys import AlertKeys
from contracts.rules.routing import InhibitRule
from contracts.settings import Settings

_AGAIN_MS: Final = 10_000
"""When a group that cannot be read is looked at again."""
_AT_ONCE: Final = 100
"""Groups in one call, so that deliveries can start between two calls."""

# KEYS: revision, active, then state, events and lane of each group. ARGV: the revision whose alerts are known.
# What another program has put there is false, so that one group holds up no other.
# All is read at one moment: events older than the alert states would miss an end, newer ones would miss a begin.
_LOOK: Final = """
local revision = redis.call('GET', KEYS[1]) or ''
local found = {revision, {}}
if revision ~= ARGV[1] then found[2] = redis.call('HVALS', KEYS[2]) end
for i = 3, #KEYS, 3 do
  local state, events = redis.pcall('GET', KEYS[i]) or '', redis.pcall('LRANGE', KEYS[i + 1], 0, -1)
  local waiting = redis.pcall('LLEN', KEYS[i + 2])
  found[#found + 1] = type(state) == 'string' and state
  found[#found + 1] = not events.err and events
  found[#found + 1] = type(waiting) == 'number' and waiting
end
return found
"""

# KEYS: state, events, flushes, held, entries, receivers, wake, due, lane.
# ARGV: state as it was, events taken, the last of them, state as it is to be ('' none), due ('' never),
# group, held, now, receiver, then id and text of each entry.
_WRITE: Final = """
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
local taken = tonumber(ARGV[2])
if taken > 0 and redis.call('LINDEX', KEYS[2], taken - 1) ~= ARGV[3] then return 0 end
redis.call('LTRIM', KEYS[2], taken, -1)
if ARGV[4] == '' then redis.call('DEL', KEYS[1]) else redis.call('SET', KEYS[1], ARGV[4]) end
local due = ARGV[5]
if redis.call('LLEN', KEYS[2]) > 0 then due = ARGV[8] end
if due == '' then redis.call('ZREM', KEYS[3], ARGV[6]) else redis.call('ZADD', KEYS[3], due, ARGV[6]) end
if ARGV[7] == '1' then redis.call('SADD', KEYS[4], ARGV[6]) else redis.call('SREM', KEYS[4], ARGV[6]) end
for i = 10, #ARGV, 2 do
  redis.call('HSET', KEYS[5], ARGV[i], ARGV[i + 1])
  redis.call('RPUSH', KEYS[9], ARGV[i])
  redis.call('ZADD', KEYS[8], 'NX', ARGV[8], ARGV[6])
  redis.call('SADD', KEYS[6], ARGV[9])
end
if #ARGV > 9 then
  redis.call('LPUSH', KEYS[7], ARGV[6])
  redis.call('LTRIM', KEYS[7], 0, 15)
end
return 1
"""

_group_of = msgspec.json.Decoder(Group).decode
_event_of = msgspec.json.Decoder(AlertEvent).decode


class _Known(NamedTuple):
    """The alerts of one revision, and what they mute."""

    revision: str
    active: dict[str, Alert]
    inhibitor: Inhibitor


class _StoredGroup(NamedTuple):
    """A group as it was read."""

    state: str
    events: list[str]
    undelivered: int
    """Notifications in its lane."""


class DispatcherStatus(NamedTuple):
    """Numbers for metrics."""

    pending: int
    firing: int
    silences: int
    """Those that hold."""
    held: int
    """Groups in which something is muted."""
    active: tuple[Alert, ...]
    """Those that are pending or fire."""


class Dispatcher:
    """Turns events into entries of the outbox.

    `redis` comes from `alerts.storage.connection.connect`; one thread calls it.
    """

    def __init__(self, redis: redis.Redis, settings: Settings, inhibit_rules: Sequence[InhibitRule] = ()) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._silences = SilenceStore(redis, settings)
        self._look = self._redis.register_script(_LOOK)
        self._write = self._redis.register_script(_WRITE)
        self._inhibit_rules = inhibit_rules
        self._known = _Known("-", {}, Inhibitor(inhibit_rules, ()))
        self._muting: tuple[object, ...] | None = None

    def follow(self, inhibit_rules: Sequence[InhibitRule]) -> None:
        """Use other inhibition rules from now on."""
        self._inhibit_rules = inhibit_rules
        self._known = _Known("-", {}, Inhibitor(inhibit_rules, ()))
        self._muting = None

    def run_due(self, now_ms: int) -> list[Notification]:
        """Flush the groups that are due, a hundred at most; returns what was put into the outbox."""
        silences = self._silences.now().silences
        due = self._redis.zrange(self._keys.flushes, "-inf", now_ms, byscore=True, offset=0, num=_AT_ONCE)
        groups = dict.fromkeys(due, True) | dict.fromkeys(set(self._freed(silences, now_ms)).difference(due), False)
        if not groups:
            return []
        keys = self._keys
        found = self._read_groups(
            [key for group in groups for key in (keys.group(group), keys.alert_events(group), keys.lane(group))]
        )
        written: list[Notification] = []
        for (group, is_due), *stored in zip(groups.items(), found[::3], found[1::3], found[2::3], strict=True):
            try:
                self._require_ours(group, stored)
                with reading(self._keys.group(group)):
                    written += self._flush(group, _StoredGroup(*stored), silences, now_ms, is_due=is_due)
            except ForeignDataError as error:  # of this group alone: the others go on
                pass_over(error)
                self._redis.zadd(self._keys.flushes, {group: now_ms + _AGAIN_MS}, xx=True)
        return written

    def _require_ours(self, group: str, stored: Sequence[Any]) -> None:
        keys = (self._keys.group(group), self._keys.alert_events(group), self._keys.lane(group))
        for key, value in zip(keys, stored, strict=True):
            if value is None:
                raise ForeignDataError(key, f"a {type_of(key)} is due")

    def next_due_ms(self, now_ms: int) -> int | None:
        """When a group is due or a silence begins or ends, None when neither is foreseen."""
        first = self._redis.zrange(self._keys.flushes, 0, 0, withscores=True)
        moments = [int(first[0][1])] if first else []
        moments += [moment for moment in _boundaries(self._silences.now().silences) if moment > now_ms]
        return min(moments, default=None)

    def status(self, now_ms: int) -> DispatcherStatus:
        """The numbers now."""
        self._read_groups([])
        states = [alert.state for alert in self._known.active.values()]
        active = sum(silence.state(now_ms) == "active" for silence in self._silences.now().silences)
        held = int(self._redis.scard(self._keys.held))
        return DispatcherStatus(
            states.count("pending"), states.count("firing"), active, held, tuple(self._known.active.values())
        )

    def _read_groups(self, names: Sequence[str]) -> list[Any]:
        """State, events and undelivered of groups (names of their keys, by turns); the alerts of the same moment are
        known from then on."""
        keys = [self._keys.revision, self._keys.active, *names]
        found: list[Any]
        revision, texts, *found = self._look(keys=keys, args=[self._known.revision])
        if revision != self._known.revision:
            alerts = readable_values(self._keys.active, texts, decode)
            active = {alert.fingerprint: alert for alert in alerts}
            self._known = _Known(revision, active, Inhibitor(self._inhibit_rules, active.values()))
        return found

    def _freed(self, silences: Sequence[Silence], now_ms: int) -> list[str]:
        """Groups in which something is muted, if silences or inhibiting alerts may have changed since the last call."""
        changes = self._redis.get(self._keys.revision) if self._inhibit_rules else None
        muting = (changes, *(silence.id for silence in silences if silence.state(now_ms) == "active"))
        if muting == self._muting:
            return []
        self._muting = muting
        return list(self._redis.smembers(self._keys.held))

    def _flush(
        self, group: str, stored: _StoredGroup, silences: Sequence[Silence], now_ms: int, *, is_due: bool
    ) -> list[Notification]:
        state, events = stored.state, stored.events

        def muted(alert: Alert) -> bool:
            return any(silence.mutes(alert, now_ms) for silence in silences) or bool(
                self._known.inhibitor.muting(alert)
            )

        result = flush(
            _group_of(state) if state else None,
            [_event_of(event) for event in events],
            now_ms,
            muted=muted,
            active=self._known.active,
            undelivered=stored.undelivered > 0,
        )
        new = "" if result.group is None else msgspec.json.encode(result.group).decode()
        nothing_new = not is_due and new == state and result.held and (result.due_ms or 0) >= now_ms + SWEEP_MS
        if nothing_new or not self._written(group, state, events, new, result, now_ms):
            return []
        return result.notifications

    def _written(self, group: str, state: str, events: list[str], new: str, result: FlushResult, now_ms: int) -> bool:
        receiver = group.partition(":")[0]
        keys = self._keys
        names = [keys.group(group), keys.alert_events(group), keys.flushes, keys.held, keys.entries]
        names += [keys.receivers, keys.wake, keys.due(receiver), keys.lane(group)]
        due = "" if result.due_ms is None else str(result.due_ms)
        arguments: list[str | int] = [state, len(events), events[-1] if events else "", new, due]
        arguments += [group, "1" if result.held else "0", now_ms, receiver]
        for number, notification in enumerate(result.notifications):
            entry = entry_of(notification, now_ms + number)  # distinct times keep their order
            arguments += [entry.id, msgspec.json.encode(entry).decode()]
        return bool(self._write(keys=names, args=arguments))


def entry_of(notification: Notification, now_ms: int) -> Entry:
    """A notification as it waits in its lane."""
    target = notification.target
    receiver, _, group = target.group.partition(":")
    names = sorted({item.alert.labels["alertname"] for item in notification.items})
    return Entry(
        id=notification_id(notification),
        receiver=receiver,
        fingerprint=group,
        alertname=", ".join(names),
        status=notification.status,
        created_ms=now_ms,
        body=render(notification),
        traceparent=next(
            (item.alert.traceparent for item in reversed(notification.items) if item.alert.traceparent), ""
        ),
    )


def _boundaries(silences: Sequence[Silence]) -> list[int]:
    return [moment for silence in silences for moment in (silence.starts_at_ms, silence.ends_at_ms)]
