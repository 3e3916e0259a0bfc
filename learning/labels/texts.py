"""The masked texts of predictions that somebody may judge: shown, predicted on request, or queued for review.

In Redis for `text_memory_s`, the oldest forgotten first, so that a judgement that brings no text finds it.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import chain
from typing import Any, Final

import msgspec
import redis

from alerts.storage.foreign import readable
from contracts.events import MAX_TEXT, Scores
from contracts.settings import Settings
from models.text.masking import mask_batch

_log = logging.getLogger("buzzwatch.learning")

_WAITING: Final = 1000
"""Groups of texts that wait for Redis; what comes beyond is not remembered."""

_TOGETHER: Final = 500
_GATHER_S: Final = 0.005
"""How long texts are gathered before they go to Redis together."""

_REMEMBER: Final = """
local now, keep, most = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for _, one in ipairs(cmsgpack.unpack(ARGV[5])) do
  redis.call('SET', ARGV[1] .. one[1], one[2], 'EX', keep)
  redis.call('ZADD', KEYS[1], now, one[1])
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], 0, now - keep)
redis.call('EXPIRE', KEYS[1], keep)
local beyond = redis.call('ZCARD', KEYS[1]) - most
if beyond > 0 then
  local oldest = redis.call('ZPOPMIN', KEYS[1], beyond)
  for at = 1, #oldest, 2 do redis.call('DEL', ARGV[1] .. oldest[at]) end
end
"""
"""All texts in one command: the client's work for each of thousands of commands costs more than Redis's. All keys have
the hash tag of the one that is named, so they lie in one slot of a cluster."""


class Remembered(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A prediction and its text."""

    prediction_id: str
    text: str
    """Masked."""
    tweet_id: str | None = None
    scores: Scores | None = None
    model_version: str | None = None
    blind: bool = False
    """Shown without the prediction."""
    random: bool = False
    """Drawn by chance."""


_remembered_of: Final = msgspec.json.Decoder(Remembered).decode


class PredictionTexts:
    """Finds the text of a prediction.

    Args:
        client: opened by `alerts.storage.connection.connect`.
    """

    def __init__(self, client: redis.Redis, settings: Settings) -> None:
        self._redis: Any = client
        self._prefix = f"{settings.redis.prefix}:{{texts}}:"
        self._known = f"{self._prefix}known"
        self._keep_s = int(settings.learning.text_memory_s)
        self._most = settings.learning.text_memory
        self._add = self._redis.register_script(_REMEMBER)

    def remember(self, texts: Iterable[Remembered]) -> None:
        """Keep them; masks what is not masked yet.

        Raises:
            redis.RedisError: Redis does not take them.
        """
        given = list(texts)
        now = time.time()
        for start in range(0, len(given), _TOGETHER):  # a script holds up whoever else asks Redis
            some = given[start : start + _TOGETHER]
            masked = mask_batch([one.text for one in some])
            values = [
                (one.prediction_id, msgspec.json.encode(msgspec.structs.replace(one, text=text[:MAX_TEXT])).decode())
                for one, text in zip(some, masked, strict=True)
            ]
            packed = msgspec.msgpack.encode(values)
            self._add(keys=[self._known], args=[self._prefix, now, self._keep_s, self._most, packed])

    def find(self, prediction_ids: Sequence[str]) -> dict[str, Remembered]:
        """Those that are remembered.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        if not prediction_ids:
            return {}
        values = self._redis.mget([self._prefix + one for one in prediction_ids])
        stored = ((one, value) for one, value in zip(prediction_ids, values, strict=True) if value is not None)
        return dict(readable(self._prefix, stored, _remembered_of))

    def forget(self, prediction_id: str) -> None:
        """Of a prediction that was erased."""
        self._redis.delete(self._prefix + prediction_id)
        self._redis.zrem(self._known, prediction_id)

    def of_tweets(self, tweet_ids: Collection[str]) -> list[Remembered]:
        """What is remembered of these tweets."""
        found: list[Remembered] = []
        known = self._redis.zrange(self._known, 0, -1)
        for start in range(0, len(known), _TOGETHER):
            found += [one for one in self.find(known[start : start + _TOGETHER]).values() if one.tweet_id in tweet_ids]
        return found


class TextMemory:
    """Remembers in a thread of its own, so that who answers requests does not wait for Redis."""

    def __init__(self, texts: PredictionTexts) -> None:
        self._texts = texts
        self._waiting: queue.Queue[Callable[[], list[Remembered]] | None] = queue.Queue(_WAITING)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self.lost = 0
        """Groups that were not remembered: too many waited, or Redis was away."""

    def stop(self) -> None:
        """Remember what waits, for some seconds at most."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=2)
        if self._thread is not None:
            self._thread.join(timeout=5)

    def settle(self, timeout_s: float) -> bool:
        """Wait until all that was handed over before is in Redis, or given up; False when that takes longer."""
        if self._thread is None:
            return True
        done = threading.Event()
        until = time.monotonic() + timeout_s
        try:
            self._waiting.put(lambda: _Settled(done), timeout=timeout_s)
        except queue.Full:
            return False
        return done.wait(max(0.0, until - time.monotonic()))

    def remember(self, texts: Callable[[], list[Remembered]]) -> None:
        """Hand over what makes them; it is called in the thread. Never blocks."""
        if self._thread is None:
            with self._starting:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="texts", daemon=True)
                    self._thread.start()
        try:
            self._waiting.put_nowait(texts)
        except queue.Full:
            self.lost += 1

    def _run(self) -> None:
        is_away = is_last = False
        while not is_last and (make := self._waiting.get()) is not None:
            groups = [make()]
            if not isinstance(groups[0], _Settled):
                time.sleep(_GATHER_S)
            with contextlib.suppress(queue.Empty):
                while sum(map(len, groups)) < _TOGETHER and not is_last:  # what waits goes to Redis together
                    more = self._waiting.get_nowait()
                    is_last = more is None
                    if more is not None:
                        groups.append(more())
            try:
                self._texts.remember(chain.from_iterable(groups))
                is_away = False
            except redis.RedisError as error:
                self.lost += len(groups)
                if not is_away:
                    _log.warning("texts of predictions are not remembered, judgements may not find theirs: %s", error)
                is_away = True
            for group in groups:
                if isinstance(group, _Settled):
                    group.done.set()


class _Settled(list[Remembered]):
    """No texts: whoever waits for those before it is told."""

    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done
