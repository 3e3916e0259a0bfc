"""The durable outbox: which notification is due for which receiver, when, and which notifier has claimed it.

Entries wait in lanes, one per receiver and group. Only the first entry of a lane is ever posted, so
`resolved` waits behind a `firing` that is being retried. Lanes are due one by one in a sorted set per
receiver: a receiver that is down delays no other. Earlier steps: `alerts.grouping.alert_events` stores events with
the change of state, `alerts.grouping.dispatcher` makes entries of them.

A notifier claims a lane with a token and a lease; the lease is the lane's next due time, so a notifier that was
killed loses it. Every later step names the token: a notifier that lost the claim cannot record a result.

A receiver that has asked for a pause (`Retry-After`) gets nothing until then, from any of its lanes.
"""

from __future__ import annotations

import uuid
from typing import Any, Final, NamedTuple

import msgspec
import redis
from msgspec import Struct

from alerts.outbox.backoff import delay_ms, pause_ms
from alerts.storage.connection import require_text
from alerts.storage.foreign import ForeignDataError, pass_over, readable, reading
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings


class Entry(Struct, frozen=True):
    """One notification for one receiver."""

    id: str
    """The `webhook-id`."""
    receiver: str
    fingerprint: str
    """Of the group; where alerts are sent by themselves, of the alert's labels without the severity."""
    alertname: str
    status: str
    created_ms: int
    body: str
    """Stored, so that every attempt sends the same bytes."""
    failures: int = 0
    last_error: str = ""
    traceparent: str = ""
    """Context of the span in which its newest traced alert began to fire."""

    @property
    def lane(self) -> str:
        """Entries of one lane are delivered in order."""
        return f"{self.receiver}:{self.fingerprint}"


class Claim(NamedTuple):
    """An entry that is ours to deliver until the lease runs out."""

    entry: Entry
    token: str


decode_entry: Final = msgspec.json.Decoder(Entry).decode
_CANDIDATES: Final = 16
KEPT_WAKES: Final = 16
"""Length of the list that wakes notifiers: one token for each notifier is enough."""

# KEYS: due, lane, entries, claims, not before, disabled. ARGV: lane, now, end of the lease, token, receiver.
_CLAIM: Final = """
if redis.call('HEXISTS', KEYS[6], ARGV[5]) == 1 then return false end
if tonumber(redis.call('ZSCORE', KEYS[5], ARGV[5]) or 0) > tonumber(ARGV[2]) then return false end
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not due or tonumber(due) > tonumber(ARGV[2]) then return false end
while true do
  local first = redis.call('LINDEX', KEYS[2], 0)
  if not first then
    redis.call('ZREM', KEYS[1], ARGV[1])
    redis.call('HDEL', KEYS[4], ARGV[1])
    return false
  end
  local entry = redis.call('HGET', KEYS[3], first)
  if entry then
    redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
    redis.call('HSET', KEYS[4], ARGV[1], ARGV[4])
    return {first, entry}
  end
  redis.call('LPOP', KEYS[2])
end
"""

# KEYS: due, claims. ARGV: lane, token, end of the lease.
_RENEW: Final = """
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
return 1
"""

# KEYS: due, lane, entries, claims, exhausted, disabled, wake, not before.
# ARGV: lane, token, now, outcome (done, retry, exhausted, unreadable, gone), entry id, entry as it is now, when due,
# receiver, until when the receiver has asked for a pause (0: it has not).
_FINISH: Final = """
if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[4], ARGV[1])
if ARGV[9] ~= '0' then redis.call('ZADD', KEYS[8], 'GT', ARGV[9], ARGV[8]) end
local outcome = ARGV[4]
if outcome == 'retry' or outcome == 'gone' then
  redis.call('HSET', KEYS[3], ARGV[5], ARGV[6])
  redis.call('ZADD', KEYS[1], ARGV[7], ARGV[1])
  if outcome == 'gone' then redis.call('HSET', KEYS[6], ARGV[8], ARGV[3]) end
  return 1
end
redis.call('LPOP', KEYS[2])
if outcome == 'done' then
  redis.call('HDEL', KEYS[3], ARGV[5])
else
  if outcome == 'exhausted' then redis.call('HSET', KEYS[3], ARGV[5], ARGV[6]) end
  redis.call('ZADD', KEYS[5], ARGV[3], ARGV[5])
end
if redis.call('LLEN', KEYS[2]) > 0 then
  redis.call('ZADD', KEYS[1], ARGV[3], ARGV[1])
  redis.call('LPUSH', KEYS[7], ARGV[1])
  redis.call('LTRIM', KEYS[7], 0, 15)
else
  redis.call('ZREM', KEYS[1], ARGV[1])
end
return 1
"""


class Outbox:
    """Reads the outbox and records results. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        # BLPOP must return before the socket time-out, which would count the connection as dead.
        self._longest_wait_s = settings.redis.timeout_s / 2
        self._claim = self._redis.register_script(_CLAIM)
        self._renew = self._redis.register_script(_RENEW)
        self._finish = self._redis.register_script(_FINISH)

    # Delivering

    def claim(self, receiver: str, now_ms: int, lease_ms: int) -> Claim | None:
        """The first entry of a lane that is due, ours until `now_ms + lease_ms`.

        None when nothing is due, the receiver is disabled or has asked for a pause.
        """
        keys = self._keys
        due = keys.due(receiver)
        try:
            lanes = self._redis.zrange(due, "-inf", now_ms, byscore=True, offset=0, num=_CANDIDATES)
        except ForeignDataError as error:  # of this receiver alone: the others go on
            pass_over(error)
            return None
        for lane in lanes:
            token = uuid.uuid4().hex
            found = self._claim(
                keys=[due, keys.lane(lane), keys.entries, keys.claims, keys.not_before, keys.disabled],
                args=[lane, now_ms, now_ms + lease_ms, token, receiver],
            )
            if found is None:
                continue
            entry_id, text = found
            try:
                with reading(keys.entries):
                    return Claim(decode_entry(text), token)
            except ForeignDataError as error:
                pass_over(error)
                self._put_aside(receiver, lane, token, entry_id, text, now_ms)
        return None

    def _put_aside(self, receiver: str, lane: str, token: str, entry_id: str, text: str, now_ms: int) -> None:
        """Let what waits behind an entry that cannot be read go on; it stays, as it came, among the exhausted ones."""
        keys = self._keys
        names = [keys.due(receiver), keys.lane(lane), keys.entries, keys.claims]
        names += [keys.exhausted, keys.disabled, keys.wake, keys.not_before]
        self._finish(keys=names, args=[lane, token, now_ms, "unreadable", entry_id, text, now_ms, receiver, 0])

    def renew(self, claim: Claim, now_ms: int, lease_ms: int) -> bool:
        """Keep a claim alive while its attempt lasts; False when it is lost."""
        keys = [self._keys.due(claim.entry.receiver), self._keys.claims]
        return bool(self._renew(keys=keys, args=[claim.entry.lane, claim.token, now_ms + lease_ms]))

    def delivered(self, claim: Claim, now_ms: int) -> bool:
        """Record that the receiver took it. False when the claim was lost meanwhile; another notifier may post it
        again."""
        return self._finished(claim, claim.entry, now_ms, "done", now_ms)

    def failed(self, claim: Claim, now_ms: int, error: str, retry_after: float | None = None) -> str | None:
        """One more failure: tried again later, or listed as exhausted.

        Args:
            retry_after: seconds of pause that the receiver asked for, for all that waits for it.

        Returns `retry` or `exhausted`, None when the claim was lost.
        """
        failures = claim.entry.failures + 1
        entry = msgspec.structs.replace(claim.entry, failures=failures, last_error=error)
        wait = delay_ms(failures, retry_after)
        pause = pause_ms(retry_after)
        outcome = "exhausted" if wait is None else "retry"
        finished = self._finished(claim, entry, now_ms, outcome, now_ms + (wait or 0), now_ms + pause if pause else 0)
        return outcome if finished else None

    def gone(self, claim: Claim, now_ms: int, error: str) -> bool:
        """The receiver answered 410: disable it and keep its entries."""
        entry = msgspec.structs.replace(claim.entry, failures=claim.entry.failures + 1, last_error=error)
        return self._finished(claim, entry, now_ms, "gone", now_ms)

    def _finished(
        self, claim: Claim, entry: Entry, now_ms: int, outcome: str, due_ms: int, not_before: int = 0
    ) -> bool:
        keys, lane = self._keys, entry.lane
        names = [keys.due(entry.receiver), keys.lane(lane), keys.entries, keys.claims]
        names += [keys.exhausted, keys.disabled, keys.wake, keys.not_before]
        text = msgspec.json.encode(entry).decode()
        arguments: list[str | int] = [
            lane,
            claim.token,
            now_ms,
            outcome,
            entry.id,
            text,
            due_ms,
            entry.receiver,
            not_before,
        ]
        return bool(self._finish(keys=names, args=arguments))

    def wait(self, timeout_s: float) -> None:
        """Return when there is a new entry, at the latest after `timeout_s`."""
        self._redis.blpop([self._keys.wake], timeout=min(timeout_s, self._longest_wait_s))

    def wake(self) -> None:
        """Make one waiting notifier look again."""
        pipeline = self._redis.pipeline()
        pipeline.lpush(self._keys.wake, "wake")
        pipeline.ltrim(self._keys.wake, 0, KEPT_WAKES - 1)
        pipeline.execute()

    def next_due_ms(self, receiver: str) -> int | None:
        """When the receiver's next lane is due and may be posted, None when it has none."""
        try:
            first = self._redis.zrange(self._keys.due(receiver), 0, 0, withscores=True)
        except ForeignDataError:  # `claim` has logged it
            return None
        return max(int(first[0][1]), self.not_before_ms(receiver)) if first else None

    def not_before_ms(self, receiver: str) -> int:
        """Until when the receiver has asked for a pause; 0 when it never has."""
        return int(self._redis.zscore(self._keys.not_before, receiver) or 0)

    # Reading

    def receivers(self) -> set[str]:
        """Every receiver that ever had an entry, in the rules or not."""
        return set(self._redis.smembers(self._keys.receivers))

    def disabled(self) -> dict[str, int]:
        """Receivers that answered 410, and when (ms)."""
        return dict(readable(self._keys.disabled, self._redis.hgetall(self._keys.disabled).items(), int))

    def enable(self, receiver: str) -> bool:
        """Post to a disabled receiver again, what has waited first; False when it was not disabled."""
        if not self._redis.hdel(self._keys.disabled, receiver):
            return False
        self.wake()
        return True

    def waiting(self, receiver: str | None = None) -> list[Entry]:
        """Entries still to be delivered, oldest first; those of disabled and unknown receivers too."""
        exhausted = set(self._redis.zrange(self._keys.exhausted, 0, -1))
        stored = self._redis.hgetall(self._keys.entries)
        entries = [entry for _, entry in readable(self._keys.entries, stored.items(), decode_entry)]
        waiting = [entry for entry in entries if entry.id not in exhausted and receiver in (None, entry.receiver)]
        return sorted(waiting, key=lambda entry: (entry.created_ms, entry.id))

    def counts(self) -> tuple[int, int]:
        """How many entries wait, and how many are exhausted."""
        pipeline = self._redis.pipeline()
        pipeline.hlen(self._keys.entries)
        pipeline.zcard(self._keys.exhausted)
        entries, exhausted = pipeline.execute()
        return entries - exhausted, exhausted

    def waiting_for(self, receiver: str) -> int:
        """How many entries wait for one receiver."""
        pipeline = self._redis.pipeline()
        for lane in self._redis.zrange(self._keys.due(receiver), 0, -1):
            pipeline.llen(self._keys.lane(lane))
        return sum(pipeline.execute())

    def exhausted(self) -> list[Entry]:
        """Entries whose attempts are used up, oldest failure first."""
        ids = self._redis.zrange(self._keys.exhausted, 0, -1)
        texts = self._redis.hmget(self._keys.entries, ids) if ids else []
        stored = ((one, text) for one, text in zip(ids, texts, strict=True) if text is not None)
        return [entry for _, entry in readable(self._keys.entries, stored, decode_entry)]
