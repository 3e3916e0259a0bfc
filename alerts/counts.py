"""What is counted: cells of time, watch, theme and sentiment, and how they add up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from contracts.events import SENTIMENTS

STREAM: Final = ""
"""The watch that stands for the whole stream."""
ALL_THEMES: Final = ""
"""The theme that stands for all tweets of a watch."""

Key = tuple[str, str]
"""Watch and theme."""


class Cell(NamedTuple):
    """Where a tweet counts."""

    start_s: int
    """Start of the bucket or minute, seconds since 1970."""
    watch: str
    """A watch's name; "" is the whole stream."""
    theme: str
    """A theme's name; "" is all of them."""
    sentiment: str
    """One of SENTIMENTS."""


class Sample(NamedTuple):
    """A negative tweet that may be shown with an alert."""

    watch: str
    created_at_ms: int
    text: str
    """Masked, unless the settings say otherwise."""
    themes: tuple[str, ...]
    tweet_id: str


class Counts(NamedTuple):
    """Tweets per sentiment, in the order of SENTIMENTS."""

    negative: int = 0
    neutral: int = 0
    positive: int = 0

    @property
    def total(self) -> int:
        """All tweets."""
        return self.negative + self.neutral + self.positive

    @property
    def share(self) -> float:
        """Negative tweets among all, 0 without any."""
        total = self.total
        return self.negative / total if total else 0.0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(self.negative + other.negative, self.neutral + other.neutral, self.positive + other.positive)

    def minus(self, other: Counts) -> Counts:
        """What is left without `other`, never below zero."""
        return Counts(
            max(self.negative - other.negative, 0),
            max(self.neutral - other.neutral, 0),
            max(self.positive - other.positive, 0),
        )


NOTHING: Final = Counts()


class Point(NamedTuple):
    """One step of a series."""

    start_s: int
    watch: str
    theme: str
    counts: Counts


def field_of(watch: str, theme: str, sentiment: str) -> str:
    """Field of a cell in its hash; names hold no `|` (contracts.rules.Name)."""
    return f"{watch}|{theme}|{sentiment}"


class Totals(Mapping[Key, Counts]):
    """Counts per watch and theme over fields as they are stored; nothing is built before it is asked for."""

    def __init__(self, fields: Mapping[str, int]) -> None:
        self._fields = fields

    def __getitem__(self, key: Key) -> Counts:
        counts = counts_in(self._fields, key)
        if counts == NOTHING:
            raise KeyError(key)
        return counts

    def __iter__(self) -> Iterator[Key]:
        places = dict.fromkeys(field.rpartition("|")[0] for field, number in self._fields.items() if number)
        for place in places:
            watch, _, theme = place.partition("|")
            yield watch, theme

    def __len__(self) -> int:
        return sum(1 for _ in self)


def counts_in(fields: Mapping[str, int], key: Key) -> Counts:
    """The counts of one watch and theme."""
    place = f"{key[0]}|{key[1]}|"
    return Counts(*(fields.get(place + sentiment, 0) for sentiment in SENTIMENTS))
