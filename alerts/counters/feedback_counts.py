"""Reading what the judge has counted: how often people called the model right or wrong."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import redis

from alerts.storage.connection import require_text
from alerts.storage.foreign import readable
from alerts.storage.keys import AlertKeys
from contracts.settings import Settings


class Judgements(NamedTuple):
    """Judgements of one model version."""

    right: int = 0
    wrong: int = 0

    @property
    def accuracy(self) -> float | None:
        """Right ones among all, None without any."""
        total = self.right + self.wrong
        return self.right / total if total else None


def judgements_between(
    redis: redis.Redis, settings: Settings, *, since_s: int, until_s: int, now_s: int | None = None
) -> dict[str, Judgements]:
    """Per model version, in the minutes of `[since_s, until_s)`; kept as long as counts per minute.

    Minutes that cannot have any are not asked for, so that years cost no more than what is kept.
    """
    keys = AlertKeys(settings.redis.prefix)
    now_s = int(time.time()) if now_s is None else now_s
    since_s = max(since_s, now_s - int(settings.alerts.minute_retention_s))
    until_s = min(until_s, now_s + int(settings.alerts.ahead_after_s) + 60)
    client: Any = require_text(redis)
    pipeline = client.pipeline(transaction=False)
    minutes = [keys.judged_minute(start) for start in range(since_s // 60 * 60, until_s, 60)]
    for minute in minutes:
        pipeline.hgetall(minute)
    return _by_version(minutes, pipeline.execute())


def serving_since(redis: redis.Redis, settings: Settings) -> dict[str, int]:
    """Model version → when it began to serve, for the last time, ms."""
    client: Any = require_text(redis)
    key = AlertKeys(settings.redis.prefix).serving_since
    return dict(readable(key, client.hgetall(key).items(), int))


class Recent(NamedTuple):
    """The newest judgements of a model version."""

    wrong_ms: list[int]
    """When people called it wrong, ascending."""
    verdicts: list[bool]
    """Whether they called it right, newest first."""
    serving_since_ms: int | None = None
    """When it took over from another version; None where that is not known."""


def recent_judgements(redis: redis.Redis, settings: Settings) -> dict[str, Recent]:
    """Per model version that serves or never did: those that have stopped serving are no one's concern."""
    keys = AlertKeys(settings.redis.prefix)
    client: Any = require_text(redis)
    pipeline = client.pipeline(transaction=False)
    pipeline.zrange(keys.judged_versions, 0, -1)
    pipeline.hgetall(keys.serving)
    pipeline.hgetall(keys.serving_since)
    versions, serving, stored = pipeline.execute()
    since = dict(readable(keys.serving_since, stored.items(), int))
    asked = [version for version in versions if serving.get(version) != "0"]
    for version in asked:
        pipeline.zrange(keys.wrong(version), 0, -1, withscores=True)
        pipeline.lrange(keys.verdicts(version), 0, -1)
    answers = iter(pipeline.execute())
    return {
        version: Recent(
            [int(when) for _, when in next(answers)],
            [verdict == "1" for verdict in next(answers)],
            since.get(version),
        )
        for version in asked
    }


def _by_version(keys: Sequence[str], hashes: Sequence[dict[str, str]]) -> dict[str, Judgements]:
    found: dict[str, Judgements] = {}
    for key, fields in zip(keys, hashes, strict=True):
        for field, number in readable(key, fields.items(), int):
            version, _, verdict = field.rpartition("|")
            if verdict in Judgements._fields:
                before = found.get(version, Judgements())
                found[version] = before._replace(**{verdict: getattr(before, verdict) + number})
    return found
