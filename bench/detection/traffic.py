"""Simulated weeks of one watch, with crises and with what only looks like one.

Tweets are rows of arrays: when, whether the model calls them negative (by drawing one of the real held-out tweets of
the wanted true label), which text it is, and whose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.detection.texts import Answers, Pool
from bench.detection.tweets import Tweets
from bench.detection.usual import START_S, STEP_S, WEEK_S, Usual

_SLOT_S: Final = 21 * 3600
_SLOTS: Final = 8
"""In a week, one after the other; each has one crisis or look-alike, or nothing."""
_HIGHEST_SHARE: Final = 0.98
_PASSED_ON: Final = 0.25
"""So many crises are one complaint that people pass on."""

Harmless = Literal["viral", "campaign", "burst", "praise", "bot", "loud", "backfill"]
HARMLESS: Final[tuple[Harmless, ...]] = ("viral", "campaign", "burst", "praise", "bot", "loud", "backfill")


class Plan(NamedTuple):
    """How long a watch is simulated, and what happens in each judged week."""

    weeks: int
    learned: int
    """Weeks at the beginning in which nothing happens and nothing is judged."""
    crises: int
    harmless: int


FORTNIGHT: Final = Plan(weeks=2, learned=1, crises=2, harmless=4)
MONTH: Final = Plan(weeks=4, learned=0, crises=3, harmless=2)
"""A recording that begins with nothing known: what an alert leaves behind weighs on the weeks after it."""


class Crisis(NamedTuple):
    """A stretch with more negative tweets than usual."""

    start_s: float
    end_s: float
    tweets: int
    """Added to the ordinary ones."""
    strength: float
    """Share of negatives among all tweets of the stretch, by true label, as a multiple of the usual share."""
    fiftieth_s: float
    """When its 50th tweet arrived; infinite with fewer."""
    passed_on: bool = False
    """Whether most of its complaints are one text that different people pass on."""


class Event(NamedTuple):
    """Something that is no crisis."""

    kind: Harmless
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Recording:
    """The tweets, sorted by time."""

    times_s: NDArray[np.int64]
    said: Answers
    """The model's predictions and confidences (`texts.Answers`)."""
    texts: NDArray[np.uint64]
    authors: NDArray[np.uint64]
    late: NDArray[np.bool_]
    crises: list[Crisis]
    events: list[Event]
    per_minute: float
    """Ordinary tweets, on average."""
    share: float
    """The usual share of negatives, by true label."""
    pool: int
    """Which of the pools its tweets are from."""
    plan: Plan = FORTNIGHT

    @property
    def negative(self) -> NDArray[np.bool_]:
        """(n,) which the model calls negative."""
        return self.said > 0

    @property
    def confidence(self) -> Answers:
        """(n,) the model's confidence."""
        return np.abs(self.said)

    @property
    def judged_from_s(self) -> int:
        """When the first judged week begins."""
        return START_S + self.plan.learned * WEEK_S


def simulate(
    seed: int,
    pools: list[Pool],
    plan: Plan = FORTNIGHT,
    *,
    per_minute: float | None = None,
    share: float | None = None,
) -> Recording:
    """The recording of this number; `per_minute` and `share` are drawn when not given."""
    source = np.random.default_rng(seed)
    usual = Usual(source, plan.weeks, per_minute, share)
    pool = int(source.random() < 0.25) % len(pools)
    tweets = Tweets(source, pools[pool])
    numbers = source.poisson(usual.rate * STEP_S)
    at = np.repeat(START_S + np.arange(len(numbers)) * STEP_S, numbers) + source.random(numbers.sum()) * STEP_S
    tweets.add(np.sort(at), np.repeat(usual.shares, numbers), repeats=0.1)
    crises: list[Crisis] = []
    events: list[Event] = []
    for week in range(plan.learned, plan.weeks):
        slots = (START_S + week * WEEK_S + source.permutation(_SLOTS) * _SLOT_S).tolist()
        for slot in slots[: plan.crises]:
            crisis = _crisis(source, usual, tweets, slot)
            if crisis is not None:
                crises.append(crisis)
        for slot in slots[plan.crises : plan.crises + plan.harmless]:
            kind = HARMLESS[int(source.integers(len(HARMLESS)))]
            events.append(_harmless(kind, source, usual, tweets, slot))
    return Recording(*tweets.sorted(), sorted(crises), events, usual.per_minute, usual.share, pool, plan)


def _crisis(source: np.random.Generator, usual: Usual, tweets: Tweets, slot_s: float) -> Crisis | None:
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
    one_text = own * source.uniform(0.5, 0.95) if source.random() < _PASSED_ON else 0.0
    tweets.add(times, (own - one_text) / (1.0 - one_text), repeats=0.2, one_text=one_text)
    fiftieth = float(times[49]) if number >= 50 else np.inf
    return Crisis(start, start + length, number, strength, fiftieth, one_text > 0)


def _harmless(kind: Harmless, source: np.random.Generator, usual: Usual, tweets: Tweets, slot_s: float) -> Event:
    start = slot_s + source.uniform(2 * 3600, 10 * 3600)
    length = float(np.exp(source.uniform(np.log(600), np.log(4 * 3600))))
    number = int(np.exp(source.uniform(np.log(100), np.log(10_000))))
    times = np.sort(start + length * source.random(number) ** 2)
    share = float(usual.shares[usual.steps(start, start + length)].mean())
    match kind:
        case "viral":
            tweets.add(times, 0.03, repeats=0.3, positive=0.9)
        case "campaign":
            tweets.add(times, 0.3 * share, repeats=0.1, positive=0.6, one_text=0.5, praise=True)
        case "burst":
            tweets.add(times, share, repeats=0.1)
        case "praise":
            tweets.add(times, 0.05, repeats=0.1, positive=0.9, one_text=source.uniform(0.6, 0.95), praise=True)
        case "bot":
            tweets.add_bot(start + np.arange(0, length, source.uniform(5, 60)))
        case "loud":
            often = start + np.arange(0, length, source.uniform(5, 60))
            tweets.add(often, 0.95, repeats=0.2, people=int(source.integers(1, 5)))
        case "backfill":
            before = START_S + WEEK_S * ((start - START_S) // WEEK_S)
            week = np.sort(source.uniform(before - WEEK_S, before, number * 3))
            week = week[week >= START_S]
            tweets.add(week, min(3 * usual.share, 0.9), repeats=0.1, late=True)
            return Event(kind, start, start)
    return Event(kind, start, start + length)
