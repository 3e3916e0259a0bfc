"""Commands of a person for failed notifications: retry them now, or drop them."""

from __future__ import annotations

from typing import Any, Final

import msgspec
import redis

from alerts.outbox.store import Entry, decode_entry
from alerts.storage.connection import require_text
from alerts.storage.foreign import reading
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings

# KEYS: due, lane, entries, exhausted, wake, claims, not before.
# ARGV: lane, now, entry id, entry afresh, when it was made, status, receiver. In the order in which they were made, so
# that an end that waits goes after its beginning; but never before the first one while a notifier posts it, which
# removes the first one when it is done. A redelivery by hand ignores the pause that the receiver asked for.
_REDELIVER: Final = """
if redis.call('ZREM', KEYS[4], ARGV[3]) == 0 then return 0 end
redis.call('HSET', KEYS[3], ARGV[3], ARGV[4])
redis.call('ZREM', KEYS[7], ARGV[7])
local claimed = redis.call('HEXISTS', KEYS[6], ARGV[1])
local later = false
for position, id in ipairs(redis.call('LRANGE', KEYS[2], 0, -1)) do
  local text = redis.call('HGET', KEYS[3], id)
  local known, other = pcall(cjson.decode, text or '')
  other = known and position > claimed and type(other) == 'table' and tonumber(other.created_ms) and other
  local since = other and other.created_ms - tonumber(ARGV[5])
  if other and (since > 0 or (since == 0 and ARGV[6] == 'firing' and other.status ~= 'firing')) then
    later = id
    break
  end
end
if later then
  redis.call('LINSERT', KEYS[2], 'BEFORE', later, ARGV[3])
  if claimed == 0 then redis.call('ZADD', KEYS[1], ARGV[2], ARGV[1]) end
else
  redis.call('RPUSH', KEYS[2], ARGV[3])
end
redis.call('ZADD', KEYS[1], 'NX', ARGV[2], ARGV[1])
redis.call('LPUSH', KEYS[5], ARGV[1])
redis.call('LTRIM', KEYS[5], 0, 15)
return 1
"""

# KEYS: due, lane, claims, wake, not before. ARGV: lane, now, entry id, receiver.
# An entry that is claimed is being tried already.
_RETRY_NOW: Final = """
if redis.call('LINDEX', KEYS[2], 0) ~= ARGV[3] then return 0 end
redis.call('ZREM', KEYS[5], ARGV[4])
if redis.call('HEXISTS', KEYS[3], ARGV[1]) == 0 then redis.call('ZADD', KEYS[1], 'XX', ARGV[2], ARGV[1]) end
redis.call('LPUSH', KEYS[4], ARGV[1])
redis.call('LTRIM', KEYS[4], 0, 15)
return 1
"""

# KEYS: due, lane, entries, exhausted, claims, wake, group, events, flushes, held.
# ARGV: lane, now, entry id, whether to forget what was sent for the group.
_DROP: Final = """
local first = redis.call('LINDEX', KEYS[2], 0) == ARGV[3]
local leased = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or 0) > tonumber(ARGV[2])
if first and leased and redis.call('HEXISTS', KEYS[5], ARGV[1]) == 1 then return 0 end
if redis.call('HDEL', KEYS[3], ARGV[3]) == 0 then return 0 end
redis.call('ZREM', KEYS[4], ARGV[3])
redis.call('LREM', KEYS[2], 0, ARGV[3])
if first then
  redis.call('HDEL', KEYS[5], ARGV[1])
  redis.call('ZADD', KEYS[1], 'XX', ARGV[2], ARGV[1])
  redis.call('LPUSH', KEYS[6], ARGV[1])
  redis.call('LTRIM', KEYS[6], 0, 15)
end
if redis.call('LLEN', KEYS[2]) == 0 then redis.call('ZREM', KEYS[1], ARGV[1]) end
if ARGV[4] == '1' then
  redis.call('DEL', KEYS[7], KEYS[8])
  redis.call('ZREM', KEYS[9], ARGV[1])
  redis.call('SREM', KEYS[10], ARGV[1])
end
return 1
"""


class Redelivery:
    """Changes the outbox by hand. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._redeliver = self._redis.register_script(_REDELIVER)
        self._retry_now = self._redis.register_script(_RETRY_NOW)
        self._drop = self._redis.register_script(_DROP)

    def redeliver(self, entry_id: str, now_ms: int) -> bool:
        """Try an exhausted entry again from the beginning; False when there is none of this id."""
        known, keys = self._entry(entry_id), self._keys
        if known is None:
            return False
        entry = msgspec.structs.replace(known, failures=0, last_error="")
        names = [keys.due(entry.receiver), keys.lane(entry.lane), keys.entries, keys.exhausted, keys.wake, keys.claims]
        names.append(keys.not_before)
        afresh = msgspec.json.encode(entry).decode()
        arguments: list[str | int] = [
            entry.lane,
            now_ms,
            entry_id,
            afresh,
            entry.created_ms,
            entry.status,
            entry.receiver,
        ]
        return bool(self._redeliver(keys=names, args=arguments))

    def retry_now(self, entry_id: str, now_ms: int) -> bool:
        """Try an entry that waits for its next attempt now; False when none of this id is the first of its lane.

        Its failures stay counted: the attempt after this one is as far away as it would have been.
        """
        entry, keys = self._entry(entry_id), self._keys
        if entry is None:
            return False
        names = [keys.due(entry.receiver), keys.lane(entry.lane), keys.claims, keys.wake, keys.not_before]
        return bool(self._retry_now(keys=names, args=[entry.lane, now_ms, entry_id, entry.receiver]))

    def drop(self, entry_id: str, now_ms: int, *, forget: bool = False) -> bool:
        """Drop an entry; False when there is none of this id or a notifier posts it just now.

        Args:
            forget: also what its receiver was sent for the group, so that neither repeats nor ends of it follow.
        """
        entry, keys = self._entry(entry_id), self._keys
        if entry is None:
            return False
        names = [keys.due(entry.receiver), keys.lane(entry.lane), keys.entries, keys.exhausted, keys.claims, keys.wake]
        names += [keys.group(entry.lane), keys.alert_events(entry.lane), keys.flushes, keys.held]
        return bool(self._drop(keys=names, args=[entry.lane, now_ms, entry_id, int(forget)]))

    def _entry(self, entry_id: str) -> Entry | None:
        text = self._redis.hget(self._keys.entries, entry_id)
        with reading(self._keys.entries):
            return None if text is None else decode_entry(text)
