"""What people think of alerts: useful, or noise. Counted per rule, so that a rule that cries wolf is seen."""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

import redis

from alerts.state.alert import Alert
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings

Opinion = Literal["useful", "noise"]

# KEYS: opinions, counts. ARGV: alert, rule, opinion. A second opinion about the same alert replaces the first one.
_STORE: Final = """
local before = redis.call('HGET', KEYS[1], ARGV[1])
if before == ARGV[3] then return 0 end
if before then redis.call('HINCRBY', KEYS[2], ARGV[2] .. '|' .. before, -1) end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('HINCRBY', KEYS[2], ARGV[2] .. '|' .. ARGV[3], 1)
return 1
"""


class Tally(NamedTuple):
    """Opinions about the alerts of one rule."""

    useful: int = 0
    noise: int = 0


class OpinionStore:
    """Keeps them in Redis. `redis` comes from `alerts.storage.connection.connect`."""

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._keys = AlertKeys(settings.redis.prefix)
        self._store = self._redis.register_script(_STORE)

    def store(self, alert: Alert, opinion: Opinion) -> None:
        """Keep an opinion; the same one again changes nothing."""
        names = [self._keys.opinions, self._keys.opinion_counts]
        self._store(keys=names, args=[_of(alert), alert.labels["alertname"], opinion])

    def of(self, alerts: list[Alert]) -> dict[tuple[str, int], str]:
        """Fingerprint and start → what was said."""
        if not alerts:
            return {}
        stored = self._redis.hmget(self._keys.opinions, [_of(alert) for alert in alerts])
        return {
            (alert.fingerprint, alert.starts_at_ms): opinion
            for alert, opinion in zip(alerts, stored, strict=True)
            if opinion is not None
        }

    def counts(self) -> dict[str, Tally]:
        """Rule → how many alerts were useful, and how many noise."""
        found: dict[str, Tally] = {}
        key = self._keys.opinion_counts
        for field, number in readable(key, self._redis.hgetall(key).items(), int):
            rule, _, opinion = field.rpartition("|")
            if opinion in Tally._fields:
                before = found.get(rule, Tally())
                found[rule] = before._replace(**{opinion: getattr(before, opinion) + number})
        return found


def _of(alert: Alert) -> str:
    return f"{alert.labels['alertname']}|{alert.fingerprint}|{alert.starts_at_ms}"
