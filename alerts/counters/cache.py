"""Counts of one resolution, kept in the process and read again only where they have changed in Redis.

A day's baseline is 1,440 minutes times the topics; rules look at it twice a second. Late tweets change old minutes.
So every topic keeps an index of its minutes by the stamp of their last change, and a refresh is one round trip
asking what is newer than the last stamp seen, and one more reading just these.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import redis
from numpy.typing import NDArray

from alerts.counters.counts import Counts, Key, Point, Volume
from alerts.counters.table import COLUMNS, Cells, CountTable, Rows, cells_of, volume_of
from alerts.storage.foreign import readable_values, reading
from alerts.storage.keys import CounterKeys, counted_topics_key

_CHUNK: Final = 2000
"""Hashes read in one round trip."""
_SWEEP_S: Final = 600.0
"""How often minutes that Redis has let expire are forgotten here too."""

# KEYS: hashes of different fields. Two texts, fields and values, instead of a reply of thousands of parts, which Python
# would read one by one.
_PACKED: Final = """
local fields, values = {}, {}
for _, key in ipairs(KEYS) do
  local some = redis.call('HKEYS', key)
  if #some > 0 then
    fields[#fields + 1] = string.sub(cjson.encode(some), 2, -2)
    values[#values + 1] = string.sub(cjson.encode(redis.call('HVALS', key)), 2, -2)
  end
end
return {'[' .. table.concat(fields, ',') .. ']', '[' .. table.concat(values, ',') .. ']'}
"""
_fields: Final = msgspec.json.Decoder(list[str]).decode
_values: Final = msgspec.json.Decoder(list[int], strict=False).decode


@dataclass
class _Topic:
    newest: float = 0.0
    """Stamp of the newest change seen."""
    dirty: set[int] = field(default_factory=set)
    """Starts that have changed since they were read."""
    cells: dict[int, Cells] = field(default_factory=dict)

    def keep_only(self, present: AbstractSet[int]) -> None:
        """Forget what Redis has let expire."""
        self.dirty &= present
        for start in self.cells.keys() - present:
            del self.cells[start]


@dataclass
class _Sum:
    """A sum over a span that moves on: only what enters, leaves or changes is added and subtracted."""

    table: CountTable
    included: dict[tuple[str, int], Cells] = field(default_factory=dict)
    made_of: tuple[int, int, int] | None = None
    """The span and the state of the cache that it was made of."""


class CountCache:
    """Reads `bucket`s, `minute`s or `hour`s of all topics. Safe to use from several threads.

    `rows` and `lock` are shared by the caches of one store, so that their tables have the same rows. `parts`: how many
    hashes make an hour.
    """

    def __init__(
        self,
        redis: redis.Redis,
        prefix: str,
        resolution: str,
        step_s: int,
        *,
        keep_s: int,
        rows: Rows,
        lock: threading.RLock,
        parts: int = 1,
    ) -> None:
        self._redis: Any = redis
        self._packed = self._redis.register_script(_PACKED)
        self._prefix = prefix
        self._resolution = resolution
        self._step_s = step_s
        self._keep_s = keep_s
        self._parts = parts
        self._rows = rows
        self._lock = lock
        self._topics: dict[str, _Topic] = {}
        self._sums: dict[str, _Sum] = {}
        self._state = 0
        """Moves on with every change of what is kept here."""
        self._refreshed_ms: int | None = None
        self._span: tuple[int, int] = (0, 0)
        self._swept: float | None = None

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

    def total(self, name: str, since_s: int, until_s: int) -> CountTable:
        """The sum over `[since_s, until_s)`; `name` identifies the moving span."""
        with self._lock:
            moving = self._sums.get(name)
            if moving is None:
                moving = self._sums[name] = _Sum(CountTable(self._rows))
            if moving.made_of == (since_s, until_s, self._state):
                return moving.table
            needed = {
                (topic_id, start): cells
                for topic_id, topic in self._topics.items()
                for start, cells in topic.cells.items()
                if since_s <= start < until_s
            }
            for place, cells in list(moving.included.items()):
                if needed.get(place) is not cells:
                    moving.table.add(cells, -1)
                    del moving.included[place]
            for place, cells in needed.items():
                if place not in moving.included:
                    moving.table.add(cells)
                    moving.included[place] = cells
            moving.made_of = (since_s, until_s, self._state)
            return moving.table

    def series(self, key: Key, since_s: int, until_s: int, *, unreliable: bool = False) -> dict[int, Volume]:
        """Counts per start of one watch and theme, of what the last refresh read; `since_s` is such a start."""
        with self._lock:
            row = self._rows.number.get(key)
            if row is None:
                return {}
            found: dict[int, Volume] = {}
            for start in range(since_s, until_s, self._step_s):
                some = [topic.cells[start].row(row) for topic in self._topics.values() if start in topic.cells]
                if some:
                    found[start] = volume_of(np.sum(some, axis=0), unreliable=unreliable)
            return found

    def read(self, since_s: int, until_s: int, step_s: int, watch: str | None, theme: str | None) -> list[Point]:
        """Counts per step, from what Redis holds now."""
        with self._lock:
            self._find_changes()
            self._read_changed(since_s, until_s)
            steps: dict[int, list[Cells]] = {}
            for topic in self._topics.values():
                for start, cells in topic.cells.items():
                    if since_s <= start < until_s and len(cells.places):
                        steps.setdefault(since_s + (start - since_s) // step_s * step_s, []).append(cells)
            keys = list(self._rows.number)
            asked = np.array([watch in (None, key[0]) and theme in (None, key[1]) for key in keys], bool)
            return [point for step in sorted(steps) for point in _points(step, keys, asked, steps[step])]

    def _find_changes(self) -> None:
        names = self._redis.smembers(counted_topics_key(self._prefix))
        for gone in self._topics.keys() - names:
            del self._topics[gone]
            self._state += 1
        for name in names:
            self._topics.setdefault(name, _Topic())
        clock = time.monotonic()
        sweep = self._swept is None or clock - self._swept >= _SWEEP_S
        pipeline = self._redis.pipeline(transaction=False)
        for name, topic in self._topics.items():
            index = CounterKeys(self._prefix, name).index(self._resolution)
            pipeline.zrange(index, "-inf" if sweep else f"({topic.newest!r}", "+inf", byscore=True, withscores=True)
            pipeline.zrange(index, 0, 0, desc=True, withscores=True)
        answers = iter(pipeline.execute())
        lost = False
        for name, topic in self._topics.items():
            with reading(CounterKeys(self._prefix, name).index(self._resolution)):
                changes = {int(start): float(stamp) for start, stamp in next(answers)}
            newest = max((float(stamp) for _, stamp in next(answers)), default=0.0)
            if newest < topic.newest:
                # Redis was emptied or went back in time: what is known of this topic is worth nothing.
                self._topics[name] = _Topic()
                self._state += 1
                lost = True
                continue
            if sweep:
                topic.keep_only(changes.keys())
                self._state += 1
            topic.dirty |= {start for start, stamp in changes.items() if stamp > topic.newest}
            topic.newest = max(newest, topic.newest)
        if sweep:
            self._swept = clock
        if lost:
            self._find_changes()

    def _read_changed(self, since_s: int, until_s: int) -> None:
        needed = [
            (name, start) for name, topic in self._topics.items() for start in topic.dirty if since_s <= start < until_s
        ]
        size = max(1, _CHUNK // self._parts)
        for first in range(0, len(needed), size):
            chunk = needed[first : first + size]
            pipeline = self._redis.pipeline(transaction=False)
            for name, start in chunk:
                self._packed(keys=self._hashes(CounterKeys(self._prefix, name), start), client=pipeline)
            for (name, start), packed in zip(chunk, pipeline.execute(), strict=True):
                topic = self._topics[name]
                topic.dirty.discard(start)
                key = self._hashes(CounterKeys(self._prefix, name), start)[0]
                for cells in readable_values(key, [packed], self._cells):
                    topic.cells[start] = cells
                self._state += 1
        self._forget_old(since_s)

    def _cells(self, packed: tuple[str, str]) -> Cells:
        return cells_of(_fields(packed[0]), _values(packed[1]), self._rows)

    def _hashes(self, keys: CounterKeys, start: int) -> list[str]:
        if self._parts == 1:
            return [keys.cells(self._resolution, start)]
        return [keys.hour_part(start, part) for part in range(self._parts)]

    def _forget_old(self, since_s: int) -> None:
        """Keep no more than `keep_s` before what is asked for; what is dropped is read again when asked for."""
        for topic in self._topics.values():
            old = [start for start in topic.cells if start < since_s - self._keep_s]
            for start in old:
                del topic.cells[start]
            topic.dirty.update(old)


def _points(step: int, keys: Sequence[Key], asked: NDArray[np.bool_], some: Sequence[Cells]) -> list[Point]:
    places = np.concatenate([cells.places for cells in some])
    chosen = asked[places // COLUMNS]
    places = places[chosen]
    rows, which = np.unique(places // COLUMNS, return_inverse=True)
    slots = which * COLUMNS + places % COLUMNS
    tweets, texts, voices = (
        np.bincount(slots, np.concatenate(numbers)[chosen], len(rows) * COLUMNS).astype(np.int64).reshape(-1, 2, 3)
        for numbers in zip(*((cells.tweets, cells.texts, cells.voices) for cells in some), strict=True)
    )
    found = []
    for at, row in enumerate(rows.tolist()):
        everything = Counts(*tweets[at].sum(axis=0).tolist())
        of_row = int(texts[at].sum()), int(tweets[at, 1].sum()), int(voices[at].sum())
        found.append(Point(step, keys[row][0], keys[row][1], everything, *of_row))
    return sorted(found, key=lambda point: (point.watch, point.theme))
