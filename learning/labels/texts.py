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
from typing import Any, Final

import msgspec
import redis

from contracts.events import MAX_TEXT, Scores
from contracts.settings import Settings
from models.text.masking import mask

_log = logging.getLogger("buzzwatch.learning")

_WAITING: Final = 1000
"""Groups of texts that wait for Redis; what comes beyond is not remembered."""

_TOGETHER: Final = 500


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

    def remember(self, texts: Iterable[Remembered]) -> None:
        """Keep them; masks what is not masked yet.

        Raises:
            redis.RedisError: Redis does not take them.
        """
        now = time.time()
        pipeline = self._redis.pipeline(transaction=False)
        for one in texts:
            masked = msgspec.structs.replace(one, text=mask(one.text)[:MAX_TEXT])
            pipeline.set(self._prefix + one.prediction_id, msgspec.json.encode(masked).decode(), ex=self._keep_s)
            pipeline.zadd(self._known, {one.prediction_id: now})
        pipeline.zremrangebyscore(self._known, 0, now - self._keep_s)
        pipeline.expire(self._known, self._keep_s)
        pipeline.zcard(self._known)
        too_many = pipeline.execute()[-1] - self._most
        if too_many > 0:
            oldest = [one for one, _ in self._redis.zpopmin(self._known, too_many)]
            self._redis.delete(*(self._prefix + one for one in oldest))

    def find(self, prediction_ids: Sequence[str]) -> dict[str, Remembered]:
        """Those that are remembered.

        Raises:
            redis.RedisError: Redis does not answer.
        """
        if not prediction_ids:
            return {}
        values = self._redis.mget([self._prefix + one for one in prediction_ids])
        return {
            one: msgspec.json.decode(value, type=Remembered)
            for one, value in zip(prediction_ids, values, strict=True)
            if value is not None
        }

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
        is_away = False
        while (make := self._waiting.get()) is not None:
            made = make()
            is_last = False
            with contextlib.suppress(queue.Empty):
                while len(made) < _TOGETHER and not is_last:  # what waits goes to Redis together
                    more = self._waiting.get_nowait()
                    is_last = more is None
                    made += more() if more is not None else []
            try:
                self._texts.remember(made)
                is_away = False
            except redis.RedisError as error:
                self.lost += 1
                if not is_away:
                    _log.warning("texts of predictions are not remembered, judgements may not find theirs: %s", error)
                is_away = True
            if is_last:
                return
