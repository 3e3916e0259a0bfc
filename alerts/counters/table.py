"""Counts of many watches and themes side by side, as arrays, so that all rules look at all of them at once.

A row is a watch and a theme. A row has six columns: three sentiments, then the same three for unreliable tweets.
Redis holds one number for a row's column, tweets + 2³² · distinct texts: half the memory of two, and both move in
one step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.counters.counts import UNRELIABLE, Counts, Key, Volume
from contracts.events import SENTIMENTS

COLUMNS: Final = 6
PACKING: Final = 1 << 32
_COLUMN: Final = {name: number for number, name in enumerate((*SENTIMENTS, *(s + UNRELIABLE for s in SENTIMENTS)))}
_TEXT_SHIFT: Final = 32
_TWEETS: Final = PACKING - 1

IntArray = NDArray[np.int64]


class _Places(dict[str, int]):
    """Row · 6 + column of each field that was seen; one that was not gets its place when it is asked for."""

    def __init__(self, number: dict[Key, int]) -> None:
        super().__init__()
        self._number = number

    def __missing__(self, field: str) -> int:
        watch, theme, sentiment = field.split("|")
        row = self._number.setdefault((watch, theme), len(self._number))
        place = self[field] = row * COLUMNS + _COLUMN[sentiment]
        return place


class Rows:
    """Numbers the rows and the places (row · 6 + column) of the fields that have been seen."""

    def __init__(self) -> None:
        self.number: dict[Key, int] = {}
        self._places = _Places(self.number)

    def places(self, fields: list[str]) -> NDArray[np.int32]:
        """Where the fields `watch|theme|sentiment` count, (n,)."""
        # Millions of them after a start, nearly all known: a loop in C.
        return np.fromiter(map(self._places.__getitem__, fields), np.int32, len(fields))

    def of(self, keys: Sequence[Key]) -> IntArray:
        """Their rows; -1 for what was never seen."""
        return np.fromiter((self.number.get(key, -1) for key in keys), np.int64, len(keys))


class Cells(NamedTuple):
    """One hash of Redis, parsed."""

    places: NDArray[np.int32]
    """Sorted."""
    tweets: NDArray[np.int32]
    texts: NDArray[np.int32]

    def volume(self, row: int) -> tuple[IntArray, IntArray]:
        """Tweets and texts of one row, six numbers each."""
        low, high = np.searchsorted(self.places, (row * COLUMNS, (row + 1) * COLUMNS))
        tweets, texts = np.zeros(COLUMNS, np.int64), np.zeros(COLUMNS, np.int64)
        columns = self.places[low:high] - row * COLUMNS
        tweets[columns] = self.tweets[low:high]
        texts[columns] = self.texts[low:high]
        return tweets, texts


def cells_of(fields: list[str], values: list[int], rows: Rows) -> Cells:
    """A hash of Redis, its fields and its values in the same order."""
    places = rows.places(fields)
    packed = np.array(values, np.int64)
    order = np.argsort(places)
    packed = packed[order]
    return Cells(places[order], (packed & _TWEETS).astype(np.int32), (packed >> _TEXT_SHIFT).astype(np.int32))


class CountTable(Mapping[Key, Counts]):
    """Sums over a span of time. As a mapping: reliable tweets per watch and theme."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.tweets: IntArray = np.zeros((0, COLUMNS), np.int64)
        """(rows, 6)."""
        self.texts: IntArray = np.zeros((0, COLUMNS), np.int64)
        """(rows, 6)."""

    def add(self, cells: Cells, sign: int = 1) -> None:
        """Add a hash, or take it away again."""
        if not len(cells.places):
            return
        self._grow()
        self.tweets.ravel()[cells.places] += sign * cells.tweets
        self.texts.ravel()[cells.places] += sign * cells.texts

    def _grow(self) -> None:
        missing = len(self.rows.number) - len(self.tweets)
        if missing > 0:
            room = np.zeros((max(missing, len(self.tweets) // 2), COLUMNS), np.int64)
            self.tweets = np.concatenate((self.tweets, room))
            self.texts = np.concatenate((self.texts, room))

    def taken(self, numbers: IntArray, *, unreliable: bool = False) -> tuple[IntArray, IntArray]:
        """Tweets and texts of many rows (`Rows.of`), (n, 3) each."""
        self._grow()
        if not len(self.tweets):
            nothing = np.zeros((len(numbers), 3), np.int64)
            return nothing, nothing
        found = []
        for source in (self.tweets, self.texts):
            some = source[numbers]
            summed = some[:, :3] + some[:, 3:] if unreliable else some[:, :3].copy()
            summed[numbers < 0] = 0
            found.append(summed)
        return found[0], found[1]

    def volume(self, key: Key, *, unreliable: bool = False) -> Volume:
        """Tweets and texts of one watch and theme."""
        tweets, texts = self.taken(self.rows.of([key]), unreliable=unreliable)
        return Volume(Counts(*tweets[0].tolist()), Counts(*texts[0].tolist()))

    def present(self) -> IntArray:
        """Rows that have any tweet."""
        return np.flatnonzero(self.tweets.any(axis=1))

    def __getitem__(self, key: Key) -> Counts:
        tweets = self.volume(key).tweets
        if not tweets.total:
            raise KeyError(key)
        return tweets

    def __iter__(self) -> Iterator[Key]:
        keys = list(self.rows.number)
        for row in np.flatnonzero(self.tweets[:, :3].any(axis=1)).tolist():
            yield keys[row]

    def __len__(self) -> int:
        return int(self.tweets[:, :3].any(axis=1).sum())
