"""Counters of scored tweets in Redis: each record counts once, whatever is killed in between.

One Lua call per batch and source partition checks and moves the offset mark and adds the counts, so both are
lost together or not at all. Readers add the shards up.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import redis

from alerts.connection import require_text
from alerts.count_cache import CountCache
from alerts.counts import Cell, Counts, Key, Point, Sample, field_of
from alerts.keys import ShardKeys, shards_key
from contracts.settings import Settings

__all__ = ["Cell", "CounterStore", "Counts", "Point", "Sample"]

SAMPLES: Final = 50
"""How many negative tweets are kept per watch and shard."""
_REGISTER_S: Final = 5.0
_BASELINE_REFRESH_MS: Final = 2000
_MINUTE_S: Final = 60

# KEYS: mark, bucket index, minute index, then what ARGV[4] refers to by number.
# ARGV: expected mark, mark afterwards, seconds that bucket and minute are kept (msgpack: [n, n, n of samples]),
#       cells and samples (msgpack).
# The stamps in the indexes are Redis' clock, but never twice the same and never backwards: a reader asks
# for what has changed since the newest stamp that it saw.
_ADD: Final = """
local mark = redis.call('GET', KEYS[1])
if (mark or '0') ~= ARGV[1] then return mark or '0' end
local keep = cmsgpack.unpack(ARGV[3])
local work = cmsgpack.unpack(ARGV[4])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamps = {}
for level = 1, 2 do
  local newest = redis.call('ZREVRANGE', KEYS[level + 1], 0, 0, 'WITHSCORES')[2]
  stamps[level] = now
  if newest and tonumber(newest) >= now then stamps[level] = tonumber(newest) + 1 end
end
local touched = {false, false}
for _, cells in ipairs(work[1]) do
  local level, key, start = cells[1], KEYS[cells[2]], cells[3]
  for i = 4, #cells, 2 do redis.call('HINCRBY', key, cells[i], cells[i + 1]) end
  redis.call('EXPIRE', key, keep[level])
  redis.call('ZADD', KEYS[level + 1], stamps[level], start)
  touched[level] = true
end
for level = 1, 2 do
  if touched[level] then
    redis.call('ZREMRANGEBYSCORE', KEYS[level + 1], '-inf', '(' .. (now - keep[level] * 1000))
    redis.call('EXPIRE', KEYS[level + 1], keep[level])
  end
end
for _, samples in ipairs(work[2]) do
  local key = KEYS[samples[1]]
  for i = 2, #samples, 2 do redis.call('ZADD', key, samples[i], samples[i + 1]) end
  redis.call('ZREMRANGEBYRANK', key, 0, -(keep[3] + 1))
  redis.call('EXPIRE', key, keep[2])
end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""


class CounterStore:
    """Counts per watch, theme and sentiment in buckets (windows) and minutes (statistics, baselines).

    `redis` comes from `alerts.connection.connect`. Safe to use from several threads.
    """

    def __init__(self, redis: redis.Redis, settings: Settings) -> None:
        self._redis: Any = require_text(redis)
        self._prefix = settings.redis.prefix
        self._bucket_s = settings.alerts.bucket_s
        self._keep = msgspec.msgpack.encode(
            [int(settings.alerts.bucket_retention_s), int(settings.alerts.minute_retention_s), SAMPLES]
        )
        self._add = self._redis.register_script(_ADD)
        self._registered: dict[str, float] = {}
        self._buckets = CountCache(redis, self._prefix, "bucket", self._bucket_s, keep_s=60)
        self._minutes = CountCache(redis, self._prefix, "minute", _MINUTE_S, keep_s=86_400)

    # Writing

    def marks(self, topic_id: str, partitions: Iterable[int]) -> dict[int, int]:
        """The next offset to count, only for partitions that have one."""
        wanted = list(partitions)
        pipeline = self._redis.pipeline(transaction=False)
        for partition in wanted:
            pipeline.get(ShardKeys(self._prefix, f"{topic_id}:{partition}").mark)
        return {
            partition: int(mark) for partition, mark in zip(wanted, pipeline.execute(), strict=True) if mark is not None
        }

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
    ) -> int:
        """Count the records from offset `expected` up to, not including, `end`; one Lua call.

        Returns the mark afterwards. `end`: they count now, by this call or an earlier one with the same end.
        Anything else: nothing was added, go on from the returned offset. A partition without a mark stands at 0,
        so that a Redis that has forgotten everything is told from one that nobody has counted in yet.
        """
        shard = f"{topic_id}:{partition}"
        keys = ShardKeys(self._prefix, shard)
        self._register(shard)
        names = [keys.mark, keys.index("bucket"), keys.index("minute")]
        cells: list[list[Any]] = []
        for level, resolution, counted in ((1, "bucket", buckets), (2, "minute", minutes)):
            rows: dict[int, list[Any]] = {}
            for cell, number in counted.items():
                row = rows.get(cell.start_s)
                if row is None:
                    names.append(keys.cells(resolution, cell.start_s))
                    row = rows[cell.start_s] = [level, len(names), cell.start_s]
                row += (field_of(cell.watch, cell.theme, cell.sentiment), number)
            cells += rows.values()
        shown: dict[str, list[Any]] = {}
        for sample in samples:
            shown_row = shown.get(sample.watch)
            if shown_row is None:
                names.append(keys.samples(sample.watch))
                shown_row = shown[sample.watch] = [len(names)]
            shown_row += (sample.created_at_ms, json.dumps([sample.tweet_id, sample.text, list(sample.themes)]))
        work = msgspec.msgpack.encode([cells, list(shown.values())])
        return int(self._add(keys=names, args=[expected, end, self._keep, work]))

    def _register(self, shard: str) -> None:
        """Tell readers of the shard; again every few seconds, as a Redis that crashed may have forgotten."""
        now = time.monotonic()
        if now - self._registered.get(shard, -_REGISTER_S) >= _REGISTER_S:
            self._redis.sadd(shards_key(self._prefix), shard)
            self._registered[shard] = now

    # Reading

    def window(self, now_ms: int, seconds: float) -> Mapping[Key, Counts]:
        """Tweets on time of the last `seconds` of event time, per (watch, theme).

        Made of whole buckets: up to one bucket more than asked for. The mapping is the store's own: read it,
        keep no reference past the next call.
        """
        since, until = self.window_bounds(now_ms, seconds)
        # Twice as far back, so that `bucket_series` can tell when something began without another read.
        self._buckets.refresh(now_ms, since - int(seconds), until, every_ms=0)
        return self._buckets.total(f"window:{seconds}", since, until)

    def window_bounds(self, now_ms: int, seconds: float) -> tuple[int, int]:
        """First bucket and the end of the last one of `window`, seconds since 1970."""
        width = self._bucket_s
        until = now_ms // 1000 // width * width + width
        since = int((now_ms / 1000 - seconds) // width) * width
        return since, until

    def bucket_series(self, key: Key, since_s: int, until_s: int) -> dict[int, Counts]:
        """Counts per bucket of one watch and theme, as the last `window` saw them."""
        return self._buckets.series(key, since_s, until_s)

    def baseline(self, now_ms: int, *, window_s: float, baseline_s: float) -> Mapping[Key, Counts]:
        """All tweets (late ones too) of `baseline_s` seconds before the window, per (watch, theme).

        At most two seconds old; the mapping is the store's own.
        """
        since, until = self.baseline_bounds(now_ms, window_s=window_s, baseline_s=baseline_s)
        self._minutes.refresh(now_ms, since, until, every_ms=_BASELINE_REFRESH_MS)
        return self._minutes.total(f"baseline:{window_s}:{baseline_s}", since, until)

    def baseline_bounds(self, now_ms: int, *, window_s: float, baseline_s: float) -> tuple[int, int]:
        """First minute and the end of the last one of `baseline`, seconds since 1970."""
        until = now_ms / 1000 - window_s
        return int((until - baseline_s) // _MINUTE_S) * _MINUTE_S, int(until // _MINUTE_S) * _MINUTE_S

    def baseline_series(self, key: Key, since_s: int, until_s: int) -> dict[int, Counts]:
        """Counts per minute of one watch and theme, as the last `baseline` saw them."""
        return self._minutes.series(key, since_s, until_s)

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

    def samples(self, watch: str, since_ms: int) -> list[Sample]:
        """Negative tweets of a watch since then, newest first, at most SAMPLES a shard."""
        pipeline = self._redis.pipeline(transaction=False)
        for shard in self._redis.smembers(shards_key(self._prefix)):
            pipeline.zrange(
                ShardKeys(self._prefix, shard).samples(watch), since_ms, "+inf", byscore=True, withscores=True
            )
        found = []
        for members in pipeline.execute():
            for member, score in members:
                tweet_id, text, themes = json.loads(member)
                found.append(Sample(watch, int(score), text, tuple(themes), tweet_id))
        return sorted(found, key=lambda sample: (-sample.created_at_ms, sample.tweet_id))
