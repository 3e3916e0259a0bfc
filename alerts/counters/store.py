"""Counters of scored tweets in Redis: each record counts once, whatever is killed in between.

One Lua call per batch and source partition checks and moves the offset mark and adds the counts, so both are
lost together or not at all. All partitions of a topic count in one slot: a voice is known in each of them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, Final

import msgspec
import redis

from alerts.counters.cache import CountCache
from alerts.counters.counts import (
    ANSWER_SLOT_S,
    UNRELIABLE,
    Answer,
    Cell,
    Counts,
    Key,
    Point,
    Sample,
    VoiceGroup,
    Volume,
    answer_of,
    sample_of,
)
from alerts.counters.table import CountTable, IntArray, Rows
from alerts.counters.write_script import ADD, HOUR_PARTS, CountCall
from alerts.storage.connection import require_text
from alerts.storage.foreign import readable, readable_values, reading
from alerts.storage.keys import CounterKeys, counted_topics_key
from contracts.settings import Settings

__all__ = ["Cell", "CounterStore", "Counts", "Point", "Sample", "VoiceGroup"]

SAMPLES: Final = 100
"""How many negative tweets are kept per watch."""
_REGISTER_S: Final = 5.0
_BASELINE_REFRESH_MS: Final = 2000
_MINUTE_S: Final = 60
_HOUR_S: Final = 3600
_VOICES_KEPT_S: Final = 3600
_SAMPLE_EVERY_MS: Final = 600_000
"""Between two samples of the past."""


class CounterStore:
    """Counts per watch, theme and sentiment in buckets (windows) and minutes (statistics, baselines).

    `redis` comes from `alerts.storage.connection.connect`. Safe to use from several threads.
    """

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._prefix = settings.redis.prefix
        self._bucket_s = settings.alerts.bucket_s
        alerts = settings.alerts
        kept = (alerts.bucket_retention_s, alerts.minute_retention_s, alerts.hour_retention_s, _VOICES_KEPT_S)
        self._keep = msgspec.msgpack.encode([*(int(seconds) for seconds in kept), SAMPLES, _SAMPLE_EVERY_MS])
        self._add = self._redis.register_script(ADD)
        self._registered: dict[str, float] = {}
        self._rows = Rows()
        lock = threading.RLock()
        self._buckets, self._minutes, self._hours = (
            CountCache(redis, self._prefix, name, step_s, keep_s=keep_s, rows=self._rows, lock=lock, parts=parts)
            for name, step_s, keep_s, parts in (
                ("bucket", self._bucket_s, 60, 1),
                ("minute", _MINUTE_S, 86_400, 1),
                ("hour", _HOUR_S, 86_400, HOUR_PARTS),
            )
        )
        self._longest_window = 0.0

    # Writing

    def marks(self, topic_id: str, partitions: Iterable[int]) -> dict[int, int]:
        """The next offset to count, only for partitions that have one."""
        names = {partition: CounterKeys(self._prefix, topic_id).mark(partition) for partition in partitions}
        pipeline = self._redis.pipeline(transaction=False)
        for name in names.values():
            pipeline.get(name)
        found: dict[int, int] = {}
        for (partition, name), mark in zip(names.items(), pipeline.execute(), strict=True):
            if mark is not None:
                with reading(name):
                    found[partition] = int(mark)
        return found

    def add(
        self,
        *,
        topic_id: str,
        partition: int,
        expected: int,
        end: int,
        buckets: Mapping[Cell, int],
        minutes: Mapping[Cell, int],
        samples: Sequence[Sample],
        voices: Sequence[VoiceGroup] = (),
        answers: Mapping[Answer, int] = MappingProxyType({}),
    ) -> int:
        """Count the records from offset `expected` up to, not including, `end`; one Lua call.

        Returns the mark afterwards. `end`: they count now, by this call or an earlier one with the same end.
        Anything else: nothing was added, go on from the returned offset. A partition without a mark stands at 0,
        so that a Redis that has forgotten everything is distinguished from one without any counts yet.

        Args:
            buckets, minutes: number of tweets; hours follow from minutes.
            voices: whose they were and which texts; what is known from this or the last quarter of an hour is not
                counted among the distinct ones.
            answers: what the model predicted.
        """
        self._register(topic_id)
        call = CountCall(CounterKeys(self._prefix, topic_id), partition)
        call.count(buckets, minutes)
        for sample in samples:
            call.sample(sample)
        for group in voices:
            call.voices(group)
        for answer, number in answers.items():
            call.answer(answer, number)
        with reading(CounterKeys(self._prefix, topic_id).mark(partition)):
            return int(self._add(keys=call.names, args=[expected, end, self._keep, call.work()]))

    def _register(self, topic_id: str) -> None:
        """Let readers know of the topic; again every few seconds, as a Redis that crashed may have forgotten."""
        now = time.monotonic()
        if now - self._registered.get(topic_id, -_REGISTER_S) >= _REGISTER_S:
            self._redis.sadd(counted_topics_key(self._prefix), topic_id)
            self._registered[topic_id] = now

    # Reading

    def answers(self, now_ms: int, seconds: float) -> dict[str, dict[tuple[str, int], int]]:
        """What the model predicted in the last `seconds` of event time: version → (sentiment, bin of the confidence) →
        tweets. Made of whole slots of ANSWER_SLOT_S."""
        first = int((now_ms / 1000 - seconds) // ANSWER_SLOT_S) * ANSWER_SLOT_S
        keys = [
            CounterKeys(self._prefix, topic_id).answers(start)
            for topic_id in self._redis.smembers(counted_topics_key(self._prefix))
            for start in range(first, now_ms // 1000 + 1, ANSWER_SLOT_S)
        ]
        pipeline = self._redis.pipeline(transaction=False)
        for key in keys:
            pipeline.hgetall(key)
        found: dict[str, dict[tuple[str, int], int]] = {}
        for key, fields in zip(keys, pipeline.execute(), strict=True):
            read = readable(key, ((field, (field, number)) for field, number in fields.items()), answer_of)
            for _, (version, sentiment, bin_, number) in read:
                of_version = found.setdefault(version, {})
                of_version[sentiment, bin_] = of_version.get((sentiment, bin_), 0) + number
        return found

    def window(self, now_ms: int, seconds: float) -> CountTable:
        """Tweets on time of the last `seconds` of event time.

        Made of whole buckets: up to one bucket more than asked for. The table is the store's own: read it,
        keep no reference past the next call.
        """
        since, until = self.window_bounds(now_ms, seconds)
        self._longest_window = max(self._longest_window, seconds)
        # Twice as far back, so that `bucket_series` can find when something began without another read.
        furthest, _ = self.window_bounds(now_ms, 2 * self._longest_window)
        self._buckets.refresh(now_ms, furthest, until, every_ms=0)
        return self._buckets.total(f"window:{seconds}", since, until)

    def window_of_minutes(self, now_ms: int, seconds: float) -> CountTable:
        """All tweets, late ones too, of the last `seconds` of event time, in whole minutes; two seconds old at most."""
        until = -(-now_ms // 60_000) * _MINUTE_S
        since = int((now_ms / 1000 - seconds) // _MINUTE_S) * _MINUTE_S
        self._minutes.refresh(now_ms, since, until, every_ms=_BASELINE_REFRESH_MS)
        return self._minutes.total(f"minutes:{seconds}", since, until)

    def rows_of(self, keys: Sequence[Key]) -> IntArray:
        """Rows of watches and themes in every table of this store, -1 for what was not seen yet."""
        return self._rows.of(keys)

    @property
    def known_rows(self) -> int:
        """How many there are; moves when something is seen for the first time."""
        return len(self._rows.number)

    def window_bounds(self, now_ms: int, seconds: float) -> tuple[int, int]:
        """First bucket and the end of the last one of `window`, seconds since 1970."""
        width = self._bucket_s
        until = now_ms // 1000 // width * width + width
        since = int((now_ms / 1000 - seconds) // width) * width
        return since, until

    def bucket_series(self, key: Key, since_s: int, until_s: int, *, unreliable: bool = False) -> dict[int, Volume]:
        """Counts per bucket of one watch and theme, as the last `window` saw it."""
        return self._buckets.series(key, since_s, until_s, unreliable=unreliable)

    def baseline(self, now_ms: int, *, window_s: float, baseline_s: float) -> CountTable:
        """All tweets (late ones too) of `baseline_s` seconds before the window.

        At most two seconds old; the table is the store's own.
        """
        since, until = self.baseline_bounds(now_ms, window_s=window_s, baseline_s=baseline_s)
        self._minutes.refresh(now_ms, since, until, every_ms=_BASELINE_REFRESH_MS)
        return self._minutes.total(f"baseline:{window_s}:{baseline_s}", since, until)

    def baseline_bounds(self, now_ms: int, *, window_s: float, baseline_s: float) -> tuple[int, int]:
        """First minute and the end of the last one of `baseline`, seconds since 1970."""
        until = now_ms / 1000 - window_s
        return int((until - baseline_s) // _MINUTE_S) * _MINUTE_S, int(until // _MINUTE_S) * _MINUTE_S

    def baseline_series(self, key: Key, since_s: int, until_s: int, *, unreliable: bool = False) -> dict[int, Volume]:
        """Counts per minute of one watch and theme, as the last `baseline` saw it."""
        return self._minutes.series(key, since_s, until_s, unreliable=unreliable)

    def hours(self, now_ms: int, spans: Sequence[tuple[int, int]]) -> list[CountTable]:
        """All tweets of each span, whole hours in seconds since 1970, themes left out; at most a minute old."""
        since, until = min(start for start, _ in spans), max(end for _, end in spans)
        self._hours.refresh(now_ms, since, until, every_ms=60_000)
        return [self._hours.total(f"hours:{number}", *span) for number, span in enumerate(spans)]

    def stats(
        self, *, since_s: int, until_s: int, step_s: int = 60, watch: str | None = None, theme: str | None = None
    ) -> list[Point]:
        """Counts per step of `step_s` seconds (rounded up to minutes), sorted by time, watch and theme.

        `watch` and `theme`: one of them by name, "" for the whole stream or all themes, None for each.
        Steps without tweets are left out.
        """
        step = max(1, -(-step_s // _MINUTE_S)) * _MINUTE_S
        since = since_s // _MINUTE_S * _MINUTE_S
        return self._minutes.read(since, until_s, step, watch, theme)

    def samples(self, watch: str, since_ms: int, *, foreign: bool = False) -> list[Sample]:
        """Negative tweets of a watch since then, newest first: the newest of all and some of the past.

        Args:
            foreign: instead, those in languages that the model does not know.
        """
        subject = watch + UNRELIABLE if foreign else watch
        topics = [CounterKeys(self._prefix, one) for one in self._redis.smembers(counted_topics_key(self._prefix))]
        asked = [key for keys in topics for key in (keys.samples(subject), keys.past_samples(subject))]
        pipeline = self._redis.pipeline(transaction=False)
        for key in asked:
            pipeline.zrange(key, since_ms, "+inf", byscore=True, withscores=True)
        found: set[Sample] = set()
        for key, members in zip(asked, pipeline.execute(), strict=True):
            found.update(readable_values(key, members, partial(sample_of, watch)))
        return sorted(found, key=lambda sample: (-sample.created_at_ms, sample.tweet_id))
