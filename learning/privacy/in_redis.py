"""Erases a subject from Redis: samples, review queue, remembered predictions, what alerts and notifications quote."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any, Final

import redis

from alerts.explanation.bad_buzz import LONGEST_SAMPLE
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable
from alerts.storage.keys import AlertKeys, forgotten_key
from contracts.settings import Settings
from learning.labels.texts import PredictionTexts
from learning.privacy.subject import Subject
from learning.review.queue import ReviewQueue

ERASED: Final = "(erased)"
"""Stands where an alert quoted a text."""
_REMEMBERED_S: Final = 7 * 86_400
"""How long it is known what was erased, for processes that hold texts in memory: longer than any of them does."""
_WITHIN: Final = 12
"""A text of so many characters is erased from within a longer one, too; a shorter one may stand there by chance."""
_ASIDE: Final = ("{privacy}", "{review}:erased", "{api}")
"""Keys that hold no texts: what was erased, which keeps it away, and keys of the API."""

# KEYS: the value's key, the alerts' revision. ARGV: type, field or place, old value, new value, new revision.
# The revision makes all who hold alert states in memory read them again, before they write an old text back.
_REPLACE: Final = """
local held
if ARGV[1] == 'hash' then held = redis.call('HGET', KEYS[1], ARGV[2])
elseif ARGV[1] == 'list' then held = redis.call('LINDEX', KEYS[1], ARGV[2])
else held = redis.call('GET', KEYS[1]) end
if held ~= ARGV[3] then return 0 end
if ARGV[1] == 'hash' then redis.call('HSET', KEYS[1], ARGV[2], ARGV[4])
elseif ARGV[1] == 'list' then redis.call('LSET', KEYS[1], ARGV[2], ARGV[4])
else redis.call('SET', KEYS[1], ARGV[4], 'KEEPTTL') end
redis.call('SET', KEYS[2], ARGV[5])
return 1
"""


class RedisEraser:
    """Works on the keys of one prefix.

    Args:
        client: opened by `alerts.storage.connection.connect`.
    """

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(client)
        self._prefix = settings.redis.prefix
        self._texts = PredictionTexts(client, settings)
        self._queue = ReviewQueue(client, settings)
        self._replace = self._redis.register_script(_REPLACE)
        self._revision = AlertKeys(self._prefix).revision

    def find(self, subject: Subject) -> None:
        """Add to `subject` what only Redis knows: predictions on request, and texts.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        for one in self._texts.of_tweets(subject.tweet_ids):
            subject.prediction_ids.add(one.prediction_id)
            subject.add_text(one.text)
        for one in self._texts.find(sorted(subject.prediction_ids)).values():
            subject.add_text(one.text)
        for _, _, tweet_id, text in self._samples():
            if tweet_id in subject.tweet_ids:
                subject.add_text(text)

    def erase(self, subject: Subject) -> dict[str, int]:
        """Erase it; place → how many were there.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        names = sorted(subject.tweet_ids | subject.prediction_ids)
        if not names:
            return {}
        done = {"samples": 0, "remembered predictions": 0, "alerts and notifications": 0}
        for key, member, tweet_id, _ in self._samples():
            if tweet_id in subject.tweet_ids:
                done["samples"] += self._redis.zrem(key, member)
        for one in self._texts.find(sorted(subject.prediction_ids)):
            self._texts.forget(one)
            done["remembered predictions"] += 1
        waiting = sum(self._queue.waiting())
        self._queue.erase(names)
        done["texts in the review queue"] = waiting - sum(self._queue.waiting())
        done["alerts and notifications"] = self._erase_quotations(subject)
        now = time.time()
        forgotten = forgotten_key(self._prefix)
        self._redis.zadd(forgotten, dict.fromkeys(names, now))
        self._redis.zremrangebyscore(forgotten, 0, now - _REMEMBERED_S)
        self._redis.expire(forgotten, _REMEMBERED_S)
        return done

    def rewrite_log(self) -> bool:
        """Have Redis write its append-only file anew, which holds everything that ever was; False where it may not."""
        try:
            self._redis.bgrewriteaof()
        except redis.ResponseError as error:
            return "in progress" in str(error) or "already" in str(error)
        return True

    def leftovers(self, subject: Subject) -> list[str]:
        """Keys in which a text or a prediction's id is still found: all keys of the prefix are looked through."""
        needles = [one for one in subject.texts if len(one) >= _WITHIN] + sorted(subject.prediction_ids)
        forms = {form for one in needles for form in (one, json.dumps(one)[1:-1])}
        found = []
        for key, _, _, value in self._values(f"{self._prefix}:*"):
            if not any(part in key for part in _ASIDE) and any(form in value or form in key for form in forms):
                found.append(key)
        return sorted(set(found))

    def _samples(self) -> Iterator[tuple[str, str, str, str]]:
        """Key, member, and in it the id and the text of a tweet."""
        for name in ("samples", "past"):
            for key in self._redis.scan_iter(f"{self._prefix}:{{counts*}}:{name}:*", count=1000):
                members = ((member, member) for member in self._redis.zrange(key, 0, -1))
                for member, (tweet_id, text) in readable(key, members, _two_texts):
                    yield key, member, tweet_id, text

    def _erase_quotations(self, subject: Subject) -> int:
        if not subject.texts:
            return 0
        number = 0
        for key, kind, place, value in self._values(f"{self._prefix}:{{alerts}}:*"):
            if value[:1] not in "{[" or (changed := without_texts(value, subject.texts)) == value:
                continue
            arguments = [kind, place, value, changed, uuid.uuid4().hex]
            number += int(self._replace(keys=[key, self._revision], args=arguments))
        return number

    def _values(self, pattern: str) -> Iterator[tuple[str, str, str, str]]:
        """Key, type, field or place, and value of everything that is text."""
        for key in self._redis.scan_iter(pattern, count=1000):
            kind = self._redis.type(key)
            if kind == "hash":
                for name, value in self._redis.hgetall(key).items():
                    yield key, kind, name, value
            elif kind == "list":
                for place, value in enumerate(self._redis.lrange(key, 0, -1)):
                    yield key, kind, str(place), value
            elif kind == "string":
                yield key, kind, "", self._redis.get(key) or ""
            elif kind in ("zset", "set"):
                members = self._redis.zrange(key, 0, -1) if kind == "zset" else self._redis.smembers(key)
                for member in members:
                    yield key, kind, "", member


def without_texts(value: str, texts: set[str]) -> str:
    """A JSON value in which these texts are erased, also from JSON within its strings; itself where none is in it."""
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError):
        return value
    spellings = texts | {text[: LONGEST_SAMPLE - 1] + "…" for text in texts if len(text) > LONGEST_SAMPLE}
    cleaned = _cleaned(parsed, sorted(spellings, key=len, reverse=True))
    return value if cleaned == parsed else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))


def _cleaned(value: Any, texts: list[str]) -> Any:
    if isinstance(value, dict):
        return {name: _cleaned(one, texts) for name, one in value.items()}
    if isinstance(value, list):
        return [_cleaned(one, texts) for one in value]
    if not isinstance(value, str):
        return value
    if value[:1] in ("{", "["):
        try:
            inner = json.loads(value)
        except (ValueError, RecursionError):  # a text that only begins as JSON does
            pass
        else:
            cleaned = _cleaned(inner, texts)
            return value if cleaned == inner else json.dumps(cleaned, ensure_ascii=False, separators=(",", ":"))
    for text in texts:
        if value == text:
            return ERASED
        if len(text) >= _WITHIN:
            value = value.replace(text, ERASED)
    return value


def _two_texts(member: str) -> tuple[str, str]:
    tweet_id, text, *_ = json.loads(member)
    return str(tweet_id), str(text)
