"""The one call that counts a batch: what it sends, and the script that Redis runs."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np

from alerts.counters.counts import ALL_THEMES, Answer, Cell, Sample, VoiceGroup, field_of
from alerts.counters.table import PACKING, REACH, TEXTS
from alerts.counters.voices import PERIOD_S, PERIODS, SLOT_BITS, salt, slots_of
from alerts.storage.keys import CounterKeys

# KEYS: mark, three indexes (buckets, minutes, hours), the table of voices, then what ARGV[4] refers to by number.
# ARGV: expected mark, mark afterwards, seconds that bucket, minute, hour and table are kept, number of samples, ms
#       between two samples of the past (msgpack), work (msgpack): hashes, samples, slots and values of the entries,
#       what each counts for (4 · its group + 1 a text, 2 a voice, 3 both), followers by number of the entry, where each
#       group counts (hash, position, hash, position, …), answers, and by number of the entry the earlier one (its text)
#       that must be new as well.
# The stamps in the indexes are Redis' clock, but never twice the same and never backwards: a reader asks
# for what has changed since the newest stamp that it saw.
# An entry is known when its slot held the same but for the period, and that differs by one at most (`voices`).
ADD: Final = f"""
local mark = redis.call('GET', KEYS[1])
if (mark or '0') ~= ARGV[1] then return mark or '0' end
local keep = cmsgpack.unpack(ARGV[3])
local work = cmsgpack.unpack(ARGV[4])
local hashes, slots, values, codes, reach, places = work[1], work[3], work[4], work[5], work[6], work[7]
local text_of, is_new = work[9], {{}}
for _, text in pairs(text_of) do is_new[text] = false end

if #codes > 0 then
  local fresh, followers, set = {{}}, {{}}, {{}}
  for first = 1, #codes, 1500 do
    local last, n = math.min(first + 1499, #codes), 0
    for entry = first, last do
      set[n + 1], set[n + 2], set[n + 3], set[n + 4] = 'SET', 'u{SLOT_BITS}', slots[entry], values[entry]
      n = n + 4
    end
    local held = redis.call('BITFIELD', KEYS[5], unpack(set, 1, n))
    for entry = first, last do
      local apart = values[entry] - held[entry - first + 1]
      if apart > 1 and apart ~= {PERIODS - 1} or apart < -1 and apart ~= -{PERIODS - 1} then
        if is_new[entry] == false then is_new[entry] = true end
        local text = text_of[entry]
        if not text or is_new[text] then
          local code = codes[entry]
          fresh[code] = (fresh[code] or 0) + 1
          if reach[entry] then
            local group = math.floor(code / 4)
            followers[group] = (followers[group] or 0) + reach[entry]
          end
        end
      end
    end
  end
  redis.call('EXPIRE', KEYS[5], keep[4])
  for group, where in ipairs(places) do
    local texts, voices = fresh[4 * group + 1] or 0, fresh[4 * group + 2] or 0
    local apart = texts - voices
    voices = voices + (fresh[4 * group + 3] or 0)
    if voices > 0 or apart ~= 0 then
      for i = 1, #where, 2 do
        local hash, at = hashes[where[i]], where[i + 1]
        hash[at] = hash[at] + voices * {PACKING}
        local n = #hash
        if apart ~= 0 then hash[n + 1], hash[n + 2], n = hash[at - 1] .. '{TEXTS}', apart, n + 2 end
        if followers[group] and hash[1] == 1 and string.find(hash[at - 1], '|negative', 1, true) then
          hash[n + 1], hash[n + 2] = hash[at - 1] .. '{REACH}', followers[group]
        end
      end
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
for _, answers in ipairs(work[8]) do
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

    def __init__(self, keys: CounterKeys, partition: int) -> None:
        self._keys = keys
        indexes = (keys.index(resolution) for resolution in ("bucket", "minute", "hour"))
        self.names = [keys.mark(partition), *indexes, keys.heard]
        self._hashes: list[list[Any]] = []
        self._hash_of: dict[str, int] = {}
        self._place: tuple[dict[Cell, tuple[int, int]], ...] = ({}, {}, {})
        """Of each level: cell → number of its hash and position of its count, both from 1."""
        self._samples: dict[str, list[Any]] = {}
        self._groups: list[VoiceGroup] = []
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
        self._place[level - 1][cell] = which, len(fields)

    def voices(self, group: VoiceGroup) -> None:
        """Tweets that count in cells that `count` was given."""
        buckets, minutes, hours = self._place
        where = [*hours[_hour_of(group.minutes[0])]]
        for cell in group.buckets:
            where += buckets[cell]
        for cell in group.minutes:
            where += minutes[cell]
        self._group_places.append(where)
        self._groups.append(group)

    def sample(self, sample: Sample) -> None:
        """A tweet that may be shown."""
        row = self._samples.get(sample.subject)
        if row is None:
            names = self._keys.samples(sample.subject), self._keys.past_samples(sample.subject)
            row = self._samples[sample.subject] = [self._key(name) for name in names]
        packed = [sample.tweet_id, sample.text, list(sample.themes), *([sample.lang] if sample.lang else [])]
        row += (sample.created_at_ms, json.dumps(packed))

    def answer(self, answer: Answer, number: int) -> None:
        """What the model predicted, `number` times."""
        row = self._answers.get(answer.start_s)
        if row is None:
            row = self._answers[answer.start_s] = [self._key(self._keys.answers(answer.start_s))]
        row += (f"{answer.version}|{answer.sentiment}|{answer.bin}", number)

    def work(self) -> bytes:
        """The last argument of the script."""
        entries = _entries(self._groups) if self._groups else _Entries([], [], [], {}, {})
        return msgspec.msgpack.encode(
            [
                self._hashes,
                list(self._samples.values()),
                *entries[:4],
                self._group_places,
                list(self._answers.values()),
                entries.text_of,
            ]
        )

    def _key(self, name: str) -> int:
        self.names.append(name)
        return len(self.names)


class _Entries(NamedTuple):
    """Texts, then voices."""

    slots: list[str]
    values: list[str]
    codes: list[int]
    """What each counts for."""
    reach: dict[int, int]
    """Followers of negative voices, by the number of the entry."""
    text_of: dict[int, int]
    """Of what the model is not sure of: number of the voice's entry → that of its text's."""


def _entries(groups: Sequence[VoiceGroup]) -> _Entries:
    sizes, followed_of, periods, of_texts, of_voices = [], [], [], [], []
    for watch, _, minutes, texts, *_ in groups:
        start_s, _, _, sentiment = minutes[0]
        is_negative = sentiment.startswith("negative")
        sizes.append(len(texts))
        followed_of.append(any(cell.sentiment.startswith("negative") for cell in minutes))
        periods.append(start_s // PERIOD_S)
        of_texts.append(salt(watch, "text"))
        of_voices.append(salt(watch, "negative" if is_negative else "other"))
    whose = np.repeat(np.arange(len(groups)), sizes)
    codes, period = 4 * whose + 4, np.array(periods)[whose]
    keys = np.concatenate([group.texts for group in groups]) ^ np.array(of_texts, np.uint64)[whose]
    authors = np.concatenate([group.authors for group in groups])
    known = np.flatnonzero(authors)
    if not len(known):  # a text is the voice, too
        return _Entries(*slots_of(keys, period), (codes + 3).tolist(), {}, {})
    voices = authors[known] ^ np.array(of_voices, np.uint64)[whose[known]]
    reach = (np.concatenate([group.reach for group in groups]) * np.array(followed_of)[whose])[known]
    followed = np.flatnonzero(reach)
    unsure = np.flatnonzero(~np.concatenate([group.sure for group in groups])[known])
    return _Entries(
        *slots_of(np.concatenate((keys, voices)), np.concatenate((period, period[known]))),
        np.concatenate((codes + np.where(authors == 0, 3, 1), codes[known] + 2)).tolist(),
        dict(zip((followed + len(keys) + 1).tolist(), reach[followed].tolist(), strict=True)),
        dict(zip((unsure + len(keys) + 1).tolist(), (known[unsure] + 1).tolist(), strict=True)),
    )


def hour_part(watch: str) -> int:
    """Which of the HOUR_PARTS hashes of an hour the watch is in. Small hashes take a quarter of a large one's memory
    (Redis' listpacks)."""
    return zlib.crc32(watch.encode()) % HOUR_PARTS


@lru_cache(maxsize=20_000)
def _hour_of(cell: Cell) -> Cell:
    return cell._replace(start_s=cell.start_s - cell.start_s % _HOUR_S)
