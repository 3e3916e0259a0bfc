"""Messages of their own: about what was done, not about a condition that holds. Each is sent once, never repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import redis

from alerts.explanation.annotations import external_url
from alerts.grouping.routing import targets
from alerts.grouping.sample import single
from alerts.outbox.store import KEPT_WAKES
from alerts.state.alert import fingerprint_of
from alerts.state.silences import SilenceStore
from alerts.storage.connection import require_text
from alerts.storage.keys import AlertKeys
from contracts.rules.matchers import all_match
from contracts.rules.schema import Rules
from contracts.settings import Settings

_REMEMBERED_MS: Final = 7 * 86_400_000

# KEYS: announced, entries, lane, due, receivers, wake. ARGV: id, entry, lane, now, receiver, remembered since, wakes.
_POST: Final = """
if redis.call('ZADD', KEYS[1], 'NX', ARGV[4], ARGV[1]) == 0 then return 0 end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[6])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
redis.call('RPUSH', KEYS[3], ARGV[1])
redis.call('ZADD', KEYS[4], 'NX', ARGV[4], ARGV[3])
redis.call('SADD', KEYS[5], ARGV[5])
redis.call('LPUSH', KEYS[6], ARGV[3])
redis.call('LTRIM', KEYS[6], 0, ARGV[7])
return 1
"""


def announce(
    client: redis.Redis,
    settings: Settings,
    rules: Rules,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    *,
    at_ms: int,
    now_ms: int,
) -> int:
    """Put a message into the outbox, for each receiver that the rules file names for an alert with these labels.

    The same labels and time are the same message, which is put there once, whoever does it how often. Messages with the
    same labels, the severity apart, are delivered in their order. A silence that matches the labels mutes one for good.

    Args:
        client: as of `alerts.storage.connection.connect`.
        labels: with `alertname` and `severity`.
        at_ms: when what it is about was done.

    Returns:
        For how many receivers it was new.

    Raises:
        redis.RedisError: Redis does not answer; ask again.
    """
    text: Any = require_text(client)
    keys = AlertKeys(settings.redis.prefix)
    silences = SilenceStore(client, settings).now().silences
    if any(one.state(now_ms) == "active" and all_match(one.matchers, labels) for one in silences):
        return 0
    lane = fingerprint_of({name: value for name, value in labels.items() if name != "severity"})
    found = 0
    for target in targets(rules, labels):
        entry = single(target.receiver, at_ms, dict(labels), dict(annotations), external_url(settings))
        entry = msgspec.structs.replace(entry, fingerprint=lane)
        names = [keys.announced, keys.entries, keys.lane(entry.lane), keys.due(entry.receiver)]
        values = [entry.id, msgspec.json.encode(entry).decode(), entry.lane, now_ms, entry.receiver]
        found += text.eval(
            _POST, 6, *names, keys.receivers, keys.wake, *values, now_ms - _REMEMBERED_MS, KEPT_WAKES - 1
        )
    return found
