"""A simulated fortnight of one watch: a week to learn from, then one with crises and what only looks like one.

Tweets are rows of arrays: when, whether the model calls them negative (by drawing one of the real held-out tweets of
the wanted true label), and which text it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.detection.texts import Pool

DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
START_S: Final = 1_767_571_200
"""A Monday, 00:00 UTC."""
_STEP_S: Final = 300
"""The rhythm's resolution."""
_SLOT_S: Final = 21 * 3600
_HIGHEST_SHARE: Final = 0.98

Harmless = Literal["viral", "campaign", "burst", "storm", "bot", "backfill"]
HARMLESS: Final[tuple[Harmless, ...]] = ("viral", "campaign", "burst", "storm", "bot", "backfill")


class Crisis(NamedTuple):
    """A stretch with more negative tweets than usual."""

    start_s: float
    end_s: float
    tweets: int
    """Added to the ordinary ones."""
    strength: float
    """Share of negatives among all tweets of the stretch, by true label, as a multiple of the usual share."""
    creeping: bool
    fiftieth_s: float
    """When its 50th tweet came; infinite with fewer."""


class Event(NamedTuple):
    """Something that is no crisis."""

    kind: Harmless
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Fortnight:
    """What came, sorted by time."""

    times_s: NDArray[np.int64]
    negative: NDArray[np.bool_]
    """What the model says."""
    texts: NDArray[np.uint64]
    late: NDArray[np.bool_]
    crises: list[Crisis]
    events: list[Event]
    per_minute: float
    """Ordinary tweets, on average."""
    share: float
    """The usual share of negatives, by true label."""
    pool: int
    """Which of the pools its tweets are from."""

    @property
    def judged_from_s(self) -> int:
        """When the second week begins."""
        return START_S + WEEK_S


class _Usual:
    """Rhythm, growth, noise and outages of a watch's ordinary tweets."""

    def __init__(self, source: np.random.Generator) -> None:
        steps = np.arange(0, 2 * WEEK_S, _STEP_S)
        hour = steps / 3600
        self.per_minute = float(np.exp(source.uniform(np.log(0.2), np.log(30))))
        self.share = float(np.exp(source.uniform(np.log(0.08), np.log(0.35))))
        daily = source.uniform(0.5, 1.1) * np.cos(2 * np.pi * (hour - source.uniform(12, 20)) / 24)
        weekend = np.where(hour // 24 % 7 >= 5, np.log(source.uniform(0.6, 1.1)), 0.0)
        growth = source.normal(0, 0.2) * steps / (2 * WEEK_S)
        level = daily + weekend + growth + _wandering(source, len(steps), sd=0.25, memory_s=2 * 3600)
        rate = np.exp(level)
        rate *= self.per_minute / rate.mean() / 60
        for _ in range(source.poisson(0.7)):
            begin = source.integers(0, len(steps))
            rate[begin : begin + source.integers(2, 24)] = 0
        self.rate = rate
        usual = np.log(self.share / (1 - self.share))
        tilt = source.uniform(0, 0.2) * np.cos(2 * np.pi * (hour - source.uniform(0, 24)) / 24)
        odds = np.exp(usual + tilt + _wandering(source, len(steps), sd=source.uniform(0.1, 0.3), memory_s=2 * 3600))
        self.shares = odds / (1 + odds)

    def steps(self, start_s: float, end_s: float) -> slice:
        return slice(int((start_s - START_S) // _STEP_S), max(int(-(-(end_s - START_S) // _STEP_S)), 1))

    def expected(self, start_s: float, end_s: float) -> float:
        """Ordinary tweets in a stretch."""
        rates = self.rate[self.steps(start_s, end_s)]
        return float(rates.mean() * (end_s - start_s)) if len(rates) else 0.0


def _wandering(source: np.random.Generator, steps: int, *, sd: float, memory_s: float) -> NDArray[np.float64]:
    """A first-order autoregression."""
    keep = np.exp(-_STEP_S / memory_s)
    shocks = source.normal(0, sd * np.sqrt(1 - keep**2), steps)
    shocks[0] = source.normal(0, sd)
    values = np.empty(steps)
    last = 0.0
    for index, shock in enumerate(shocks.tolist()):
        last = keep * last + shock
        values[index] = last
    return values


class _Tweets:
    """Collects what comes."""

    def __init__(self, source: np.random.Generator, pool: Pool) -> None:
        self._source = source
        self._pool = pool
        self._parts: list[tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.uint64], bool]] = []
        self._texts = 0

    def add(
        self,
        times_s: NDArray[np.float64],
        shares: NDArray[np.float64] | float,
        *,
        repeats: float,
        late: bool = False,
        positive: float = 0.45,
    ) -> None:
        """Tweets of which so many are negative by true label, and so many repeat an earlier one of the same call."""
        number = len(times_s)
        times_s = np.sort(times_s)
        is_negative = self._source.random(number) < shares
        is_positive = self._source.random(number) < positive
        label = np.where(is_negative, 0, np.where(is_positive, 2, 1))
        said = np.zeros(number, bool)
        for true, answers in enumerate(self._pool.predicted_negative):
            mine = label == true
            said[mine] = answers[self._source.integers(0, len(answers), int(mine.sum()))]
        texts = np.arange(self._texts, self._texts + number, dtype=np.uint64)
        again = np.flatnonzero(self._source.random(number) < repeats)
        again = again[again > 0]
        # Of something recent: a retweet comes soon.
        original = np.maximum(again - 1 - self._source.geometric(0.02, len(again)), 0)
        for index, earlier in zip(again.tolist(), original.tolist(), strict=True):
            texts[index], said[index] = texts[earlier], said[earlier]
        self._texts += number
        self._parts.append((times_s, said, texts, late))

    def add_same(self, times_s: NDArray[np.float64], *, negative: bool) -> None:
        """One text again and again."""
        number = len(times_s)
        text = np.full(number, self._texts, np.uint64)
        self._texts += 1
        self._parts.append((np.sort(times_s), np.full(number, negative), text, False))

    def sorted(self) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.uint64], NDArray[np.bool_]]:
        times = np.concatenate([part[0] for part in self._parts]).astype(np.int64)
        late = np.concatenate([np.full(len(part[0]), part[3]) for part in self._parts])
        order = np.argsort(times, kind="stable")
        said = np.concatenate([part[1] for part in self._parts])
        texts = np.concatenate([part[2] for part in self._parts])
        return times[order], said[order], texts[order], late[order]


def simulate(seed: int, pools: list[Pool]) -> Fortnight:
    """The fortnight of this number."""
    source = np.random.default_rng(seed)
    usual = _Usual(source)
    pool = int(source.random() < 0.25) % len(pools)
    tweets = _Tweets(source, pools[pool])
    numbers = source.poisson(usual.rate * _STEP_S)
    at = np.repeat(START_S + np.arange(len(numbers)) * _STEP_S, numbers) + source.random(numbers.sum()) * _STEP_S
    tweets.add(at, np.repeat(usual.shares, numbers), repeats=0.1)
    crises, events = [], []
    slots = source.permutation(8)
    for slot in slots[:2].tolist():
        crisis = _crisis(source, usual, tweets, START_S + WEEK_S + slot * _SLOT_S)
        if crisis is not None:
            crises.append(crisis)
    for slot in slots[2:6].tolist():
        kind = HARMLESS[int(source.integers(len(HARMLESS)))]
        events.append(_harmless(kind, source, usual, tweets, START_S + WEEK_S + slot * _SLOT_S))
    times, said, texts, late = tweets.sorted()
    return Fortnight(times, said, texts, late, crises, events, usual.per_minute, usual.share, pool)


def _crisis(source: np.random.Generator, usual: _Usual, tweets: _Tweets, slot_s: float) -> Crisis | None:
    """One that is possible: with so many tweets beside the ordinary ones the share can rise so much."""
    for _ in range(200):
        number = int(np.exp(source.uniform(np.log(30), np.log(30_000))))
        length = float(np.exp(source.uniform(np.log(300), np.log(6 * 3600))))
        strength = float(np.exp(source.uniform(np.log(1.5), np.log(10))))
        start = slot_s + source.uniform(2 * 3600, 10 * 3600)
        share = usual.share * strength
        ordinary = usual.expected(start, start + length)
        own = (share * (number + ordinary) - usual.share * ordinary) / number
        if share <= 0.95 and own <= _HIGHEST_SHARE:
            break
    else:
        return None
    creeping = bool(source.random() < 0.4)
    position = source.random(number)
    times = np.sort(start + length * (np.sqrt(position) if creeping else position))
    tweets.add(times, own, repeats=0.2)
    fiftieth = float(times[49]) if number >= 50 else np.inf
    return Crisis(start, start + length, number, strength, creeping, fiftieth)


def _harmless(kind: Harmless, source: np.random.Generator, usual: _Usual, tweets: _Tweets, slot_s: float) -> Event:
    start = slot_s + source.uniform(2 * 3600, 10 * 3600)
    length = float(np.exp(source.uniform(np.log(600), np.log(4 * 3600))))
    number = int(np.exp(source.uniform(np.log(100), np.log(10_000))))
    times = start + length * source.random(number) ** 2
    share = float(usual.shares[usual.steps(start, start + length)].mean())
    match kind:
        case "viral":
            tweets.add(times, 0.03, repeats=0.3, positive=0.9)
        case "campaign":
            tweets.add(times, 0.3 * share, repeats=0.5, positive=0.6)
        case "burst":
            tweets.add(times, share, repeats=0.1)
        case "storm":
            tweets.add_same(times, negative=bool(source.random() < 0.7))
        case "bot":
            tweets.add_same(start + np.arange(0, length, source.uniform(5, 60)), negative=True)
        case "backfill":
            week = START_S + source.uniform(0, WEEK_S, number * 3)
            tweets.add(week, min(3 * usual.share, 0.9), repeats=0.1, late=True)
            return Event(kind, start, start)
    return Event(kind, start, start + length)
