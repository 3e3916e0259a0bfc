"""What is counted: cells of time, watch, theme and sentiment, and how they add up."""

from __future__ import annotations

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


_COLUMN: Final[dict[str, int]] = {sentiment: column for column, sentiment in enumerate(SENTIMENTS)}


def parse_cells(fields: dict[str, str]) -> dict[Key, Counts]:
    """A hash as it comes from Redis, as counts per watch and theme. What is no cell is left out."""
    rows: dict[Key, list[int]] = {}
    for field, number in fields.items():
        parts = field.split("|")
        if len(parts) != 3 or (column := _COLUMN.get(parts[2])) is None:
            continue
        key = (parts[0], parts[1])
        row = rows.get(key)
        if row is None:
            row = rows[key] = [0, 0, 0]
        row[column] += int(number)
    return {key: Counts(*row) for key, row in rows.items()}
