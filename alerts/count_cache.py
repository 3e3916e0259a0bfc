"""Counts of one resolution, kept in the process and re-read only where Redis says they have changed.

A day's baseline is 1,440 minutes times the shards; rules look at it twice a second. Late tweets change old minutes.
So every shard keeps an index of its minutes by the stamp of their last change, and a refresh is one round trip
asking each shard what is newer than the last stamp seen, and one more reading just these.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import redis

from alerts.counts import NOTHING, Counts, Key, Point, Totals, counts_in
from alerts.keys import ShardKeys, shards_key

_CHUNK: Final = 2000
"""Hashes read in one round trip."""
_SWEEP_S: Final = 600.0
"""How often minutes that Redis has let expire are forgotten here too."""

# KEYS: a hash. One text instead of a reply of thousands of parts, which Python would read one by one.
_PACKED: Final = "return cjson.encode(redis.call('HGETALL', KEYS[1]))"
_unpack: Final = msgspec.json.Decoder(list[str]).decode

_Cells = dict[str, int]
"""Field (`watch|theme|sentiment`) → number."""


@dataclass
class _Shard:
    newest: float = 0.0
    """Stamp of the newest change seen."""
    dirty: set[int] = field(default_factory=set)
    """Starts that have changed since they were read."""
    cells: dict[int, _Cells] = field(default_factory=dict)

    def keep_only(self, present: AbstractSet[int]) -> None:
        """Forget what Redis has let expire."""
        self.dirty &= present
        for start in self.cells.keys() - present:
            del self.cells[start]


@dataclass
class _Sum:
    """A sum over a span that moves on: only what enters, leaves or changes is added and subtracted."""

    included: dict[tuple[str, int], _Cells] = field(default_factory=dict)
    total: _Cells = field(default_factory=dict)


class CountCache:
    """Reads `bucket`s or `minute`s of all shards. Safe to use from several threads."""

    def __init__(self, redis: redis.Redis, prefix: str, resolution: str, step_s: int, *, keep_s: int) -> None:
        self._redis: Any = redis
        self._packed = self._redis.register_script(_PACKED)
        self._prefix = prefix
        self._resolution = resolution
        self._step_s = step_s
        self._keep_s = keep_s
        self._shards: dict[str, _Shard] = {}
        self._sums: dict[str, _Sum] = {}
        self._refreshed_ms: int | None = None
        self._span: tuple[int, int] = (0, 0)
        self._swept: float | None = None
        self._lock = threading.RLock()

    def refresh(self, now_ms: int, since_s: int, until_s: int, *, every_ms: int) -> None:
        """Bring `[since_s, until_s)` up to date; within `every_ms` of the last time only if it grew."""
        with self._lock:
            known = self._span[0] <= since_s and until_s <= self._span[1]
            fresh = self._refreshed_ms is not None and 0 <= now_ms - self._refreshed_ms < every_ms
            if known and fresh:
                return
            self._find_changes()
            self._read_changed(since_s, until_s)
            self._refreshed_ms = now_ms
            # What was refreshed a moment ago counts as known, so that rules with different spans share it.
            self._span = (min(since_s, self._span[0]), max(until_s, self._span[1])) if fresh else (since_s, until_s)

    def total(self, name: str, since_s: int, until_s: int) -> Mapping[Key, Counts]:
        """The sum over `[since_s, until_s)`; `name` tells one moving span from another."""
        with self._lock:
            moving = self._sums.setdefault(name, _Sum())
            wanted = {
                (name, start): cells
                for name, shard in self._shards.items()
                for start, cells in shard.cells.items()
                if since_s <= start < until_s
            }
            for place, cells in list(moving.included.items()):
                if wanted.get(place) is not cells:
                    _subtract(moving.total, cells)
                    del moving.included[place]
            for place, cells in wanted.items():
                if place not in moving.included:
                    _add(moving.total, cells)
                    moving.included[place] = cells
            return Totals(moving.total)

    def series(self, key: Key, since_s: int, until_s: int) -> dict[int, Counts]:
        """Counts per start of one watch and theme within what the last refresh read; `since_s` is such a start."""
        with self._lock:
            found: dict[int, Counts] = {}
            for start in range(since_s, until_s, self._step_s):
                for shard in self._shards.values():
                    cells = shard.cells.get(start)
                    if cells:
                        found[start] = found.get(start, NOTHING).plus(counts_in(cells, key))
            return found

    def read(self, since_s: int, until_s: int, step_s: int, watch: str | None, theme: str | None) -> list[Point]:
        """Counts per step, from what Redis holds now."""
        with self._lock:
            self._find_changes()
            self._read_changed(since_s, until_s)
            points: dict[tuple[int, str, str], Counts] = {}
            for shard in self._shards.values():
                for start, cells in shard.cells.items():
                    if not since_s <= start < until_s:
                        continue
                    step = since_s + (start - since_s) // step_s * step_s
                    for key, counts in _chosen(cells, watch, theme):
                        place = (step, *key)
                        points[place] = points.get(place, NOTHING).plus(counts)
        return [Point(*place, counts) for place, counts in sorted(points.items())]

    def _find_changes(self) -> None:
        names = self._redis.smembers(shards_key(self._prefix))
        for gone in self._shards.keys() - names:
            del self._shards[gone]
        for name in names:
            self._shards.setdefault(name, _Shard())
        clock = time.monotonic()
        sweep = self._swept is None or clock - self._swept >= _SWEEP_S
        pipeline = self._redis.pipeline(transaction=False)
        for name, shard in self._shards.items():
            index = ShardKeys(self._prefix, name).index(self._resolution)
            pipeline.zrange(index, "-inf" if sweep else f"({shard.newest!r}", "+inf", byscore=True, withscores=True)
            pipeline.zrange(index, 0, 0, desc=True, withscores=True)
        answers = iter(pipeline.execute())
        lost = False
        for name, shard in self._shards.items():
            changes = {int(start): float(stamp) for start, stamp in next(answers)}
            newest = max((float(stamp) for _, stamp in next(answers)), default=0.0)
            if newest < shard.newest:
                # Redis was emptied or went back in time: what is known of this shard is worth nothing.
                self._shards[name] = _Shard()
                lost = True
                continue
            if sweep:
                shard.keep_only(changes.keys())
            shard.dirty |= {start for start, stamp in changes.items() if stamp > shard.newest}
            shard.newest = max(newest, shard.newest)
        if sweep:
            self._swept = clock
        if lost:
            self._find_changes()

    def _read_changed(self, since_s: int, until_s: int) -> None:
        wanted = [
            (name, start) for name, shard in self._shards.items() for start in shard.dirty if since_s <= start < until_s
        ]
        for first in range(0, len(wanted), _CHUNK):
            chunk = wanted[first : first + _CHUNK]
            pipeline = self._redis.pipeline(transaction=False)
            for name, start in chunk:
                self._packed(keys=[ShardKeys(self._prefix, name).cells(self._resolution, start)], client=pipeline)
            for (name, start), text in zip(chunk, pipeline.execute(), strict=True):
                shard = self._shards[name]
                shard.dirty.discard(start)
                shard.cells[start] = self._parsed(text)
        self._forget_old(since_s)

    def _parsed(self, text: str) -> _Cells:
        if text == "{}":
            return {}
        flat = _unpack(text)
        # The same few fields come in every minute: one object for each.
        return dict(zip(map(sys.intern, flat[::2]), map(int, flat[1::2]), strict=True))

    def _forget_old(self, since_s: int) -> None:
        """Keep no more than `keep_s` before what is asked for; what is dropped is read again when asked for."""
        for shard in self._shards.values():
            old = [start for start in shard.cells if start < since_s - self._keep_s]
            for start in old:
                del shard.cells[start]
            shard.dirty.update(old)


def _chosen(cells: _Cells, watch: str | None, theme: str | None) -> list[tuple[Key, Counts]]:
    if watch is not None and theme is not None:
        counts = counts_in(cells, (watch, theme))
        return [((watch, theme), counts)] if counts != NOTHING else []
    if watch is not None:
        prefix = f"{watch}|"
        cells = {name: number for name, number in cells.items() if name.startswith(prefix)}
    return [(key, counts) for key, counts in Totals(cells).items() if theme in (None, key[1])]


def _add(total: _Cells, cells: _Cells) -> None:
    for name, number in cells.items():
        total[name] = total.get(name, 0) + number


def _subtract(total: _Cells, cells: _Cells) -> None:
    for name, number in cells.items():
        left = total.get(name, 0) - number
        if left:
            total[name] = left
        else:
            total.pop(name, None)


def sum_of(series: Iterable[Counts]) -> Counts:
    """All of them together."""
    total = NOTHING
    for counts in series:
        total = total.plus(counts)
    return total
