"""The one call that counts a batch: what it sends, and the script that Redis runs."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.counters.bloom_filter import filter_bits, salt
from alerts.counters.counts import ALL_THEMES, Answer, Cell, Sample, TextGroup, field_of
from alerts.counters.table import PACKING
from alerts.storage.keys import ShardKeys

# KEYS: mark, three indexes (buckets, minutes, hours), the texts' period and two filters, then what ARGV[4] refers to
#       by number.
# ARGV: expected mark, mark afterwards, seconds that bucket, minute, hour and texts are kept, number of samples, ms
#       between two samples of the past (msgpack), work (msgpack): hashes, samples, the texts' period, a word's place
#       and a mask for each text, the group of each text, where each group counts (hash, position, hash, position, …),
#       answers.
# The stamps in the indexes are Redis' clock, but never twice the same and never backwards: a reader asks
# for what has changed since the newest stamp that it saw.
# A text is new when its bits are not all set in the filter of this period, nor in that of the one before; they are set
# in this period's, so that what keeps coming stays known. Its bits lie in one word of 32, read by one command.
ADD: Final = f"""
local mark = redis.call('GET', KEYS[1])
if (mark or '0') ~= ARGV[1] then return mark or '0' end
local keep = cmsgpack.unpack(ARGV[3])
local work = cmsgpack.unpack(ARGV[4])
local hashes, period, bits, groups, places = work[1], work[3], work[4], work[5], work[6]

if #groups > 0 then
  local stood = tonumber(redis.call('GET', KEYS[5]))
  if not stood or period > stood + 1 or period < stood - 1 then
    redis.call('DEL', KEYS[6], KEYS[7])
    stood = period
  elseif period == stood + 1 then
    redis.call('DEL', KEYS[6 + period % 2])
    stood = period
  end
  redis.call('SET', KEYS[5], stood, 'EX', keep[4])
  local current, past = KEYS[6 + stood % 2], KEYS[7 - stood % 2]
  local fresh, words = {{}}, {{}}
  for first = 1, #groups, 1200 do
    local last = math.min(first + 1199, #groups)
    local get, set = {{}}, {{}}
    for text = first, last do
      local n = 3 * (text - first)
      get[n + 1], get[n + 2], get[n + 3] = 'GET', 'u32', bits[2 * text - 1]
    end
    local now_set, once_set = redis.call('BITFIELD', current, unpack(get)), redis.call('BITFIELD', past, unpack(get))
    for text = first, last do
      local place, mask, i = bits[2 * text - 1], bits[2 * text], text - first + 1
      local known = words[place] or now_set[i]
      if bit.band(known, mask) ~= bit.tobit(mask) then
        if bit.band(once_set[i], mask) ~= bit.tobit(mask) then
          fresh[groups[text]] = (fresh[groups[text]] or 0) + 1
        end
        words[place] = bit.bor(known, mask) % {1 << 32}
        local n = #set
        set[n + 1], set[n + 2], set[n + 3], set[n + 4] = 'SET', 'u32', place, words[place]
      end
    end
    if #set > 0 then redis.call('BITFIELD', current, unpack(set)) end
  end
  redis.call('EXPIRE', current, keep[4])
  for group, number in pairs(fresh) do
    local where = places[group]
    for i = 1, #where, 2 do
      local hash = hashes[where[i]]
      hash[where[i + 1]] = hash[where[i + 1]] + number * {PACKING}
    end
  end
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local stamps, touched = {{}}, {{}}
for level = 1, 3 do
  local newest = redis.call('ZREVRANGE', KEYS[level + 1], 0, 0, 'WITHSCORES')[2]
  stamps[level] = now
  if newest and tonumber(newest) >= now then stamps[level] = tonumber(newest) + 1 end
end
for _, cells in ipairs(hashes) do
  local level, key, start = cells[1], KEYS[cells[2]], cells[3]
  for i = 4, #cells, 2 do redis.call('HINCRBY', key, cells[i], cells[i + 1]) end
  redis.call('EXPIRE', key, keep[level])
  redis.call('ZADD', KEYS[level + 1], stamps[level], start)
  touched[level] = true
end
for level = 1, 3 do
  if touched[level] then
    redis.call('ZREMRANGEBYSCORE', KEYS[level + 1], '-inf', '(' .. (now - keep[level] * 1000))
    redis.call('EXPIRE', KEYS[level + 1], keep[level])
  end
end
for _, samples in ipairs(work[2]) do
  local key, past = KEYS[samples[1]], KEYS[samples[2]]
  for i = 3, #samples, 2 do redis.call('ZADD', key, samples[i], samples[i + 1]) end
  redis.call('ZREMRANGEBYRANK', key, 0, -(keep[5] + 1))
  redis.call('EXPIRE', key, keep[2])
  local last = redis.call('ZREVRANGE', past, 0, 0, 'WITHSCORES')[2]
  if not last or samples[3] - tonumber(last) >= keep[6] then
    redis.call('ZADD', past, samples[3], samples[4])
    redis.call('ZREMRANGEBYRANK', past, 0, -(keep[5] + 1))
    redis.call('EXPIRE', past, keep[2])
  end
end
for _, answers in ipairs(work[7]) do
  local key = KEYS[answers[1]]
  for i = 2, #answers, 2 do redis.call('HINCRBY', key, answers[i], answers[i + 1]) end
  redis.call('EXPIRE', key, keep[2])
end
redis.call('SET', KEYS[1], ARGV[2])
return ARGV[2]
"""

_HOUR_S: Final = 3600
HOUR_PARTS: Final = 64


class CountCall:
    """Gathers keys and work of one call of `ADD`."""

    def __init__(self, keys: ShardKeys) -> None:
        self._keys = keys
        self.names = [
            keys.mark,
            *(keys.index(resolution) for resolution in ("bucket", "minute", "hour")),
            keys.texts_period,
            keys.texts(0),
            keys.texts(1),
        ]
        self._hashes: list[list[Any]] = []
        self._hash_of: dict[str, int] = {}
        self._place: dict[tuple[int, Cell], tuple[int, int]] = {}
        """Level and cell → number of its hash and position of its count, both from 1."""
        self._samples: dict[str, list[Any]] = {}
        self._digests: list[NDArray[np.uint64]] = []
        self._salts: list[int] = []
        self._groups: list[int] = []
        self._group_places: list[list[int]] = []
        self._answers: dict[int, list[Any]] = {}

    def count(self, buckets: Mapping[Cell, int], minutes: Mapping[Cell, int]) -> None:
        """Tweets per cell; hours follow from minutes, themes left out: they would be most of what is kept."""
        hours: Counter[Cell] = Counter()
        for cell, number in minutes.items():
            if cell.theme == ALL_THEMES:
                hours[_hour_of(cell)] += number
        for cell, number in buckets.items():
            self._add(1, self._keys.cells("bucket", cell.start_s), cell, number)
        for cell, number in minutes.items():
            self._add(2, self._keys.cells("minute", cell.start_s), cell, number)
        for cell, number in hours.items():
            self._add(3, self._keys.hour_part(cell.start_s, hour_part(cell.watch)), cell, number)

    def _add(self, level: int, key: str, cell: Cell, number: int) -> None:
        which = self._hash_of.get(key)
        if which is None:
            self._hashes.append([level, self._key(key), cell.start_s])
            which = self._hash_of[key] = len(self._hashes)
        fields = self._hashes[which - 1]
        fields += (field_of(cell.watch, cell.theme, cell.sentiment), number)
        self._place[level, cell] = which, len(fields)

    def texts(self, group: TextGroup) -> None:
        """Texts that count in cells that `count` was told of."""
        where: list[int] = []
        hours = [_hour_of(cell) for cell in group.minutes if cell.theme == ALL_THEMES]
        for level, cells in ((1, group.buckets), (2, group.minutes), (3, hours)):
            for cell in cells:
                where += self._place[level, cell]
        self._group_places.append(where)
        number = len(self._group_places)
        self._digests.append(group.digests)
        self._salts += [salt(group.watch)] * len(group.digests)
        self._groups += [number] * len(group.digests)

    def sample(self, sample: Sample) -> None:
        """A tweet that may be shown."""
        row = self._samples.get(sample.watch)
        if row is None:
            names = self._keys.samples(sample.watch), self._keys.past_samples(sample.watch)
            row = self._samples[sample.watch] = [self._key(name) for name in names]
        row += (sample.created_at_ms, json.dumps([sample.tweet_id, sample.text, list(sample.themes)]))

    def answer(self, answer: Answer, number: int) -> None:
        """What the model said, `number` times."""
        row = self._answers.get(answer.start_s)
        if row is None:
            row = self._answers[answer.start_s] = [self._key(self._keys.answers(answer.start_s))]
        row += (f"{answer.version}|{answer.sentiment}|{answer.bin}", number)

    def work(self, period: int) -> bytes:
        """The last argument of the script."""
        bits = filter_bits(np.concatenate(self._digests) ^ np.array(self._salts, np.uint64)) if self._digests else []
        return msgspec.msgpack.encode(
            [
                self._hashes,
                list(self._samples.values()),
                period,
                bits,
                self._groups,
                self._group_places,
                list(self._answers.values()),
            ]
        )

    def _key(self, name: str) -> int:
        self.names.append(name)
        return len(self.names)


def hour_part(watch: str) -> int:
    """Which of the HOUR_PARTS hashes of an hour the watch is in. Small hashes take a quarter of a large one's memory
    (Redis' listpacks)."""
    return zlib.crc32(watch.encode()) % HOUR_PARTS


def _hour_of(cell: Cell) -> Cell:
    return cell._replace(start_s=cell.start_s - cell.start_s % _HOUR_S)
