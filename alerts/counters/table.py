"""Counts of many watches and themes side by side, as arrays, so that all rules look at all of them at once.

A row is a watch and a theme. A row has six columns: three sentiments, then the same three for unreliable tweets.
Redis holds one number for a row's column, tweets + 2³² · distinct voices: half the memory of two, and both move in
one step. Texts are held as what they differ by from the voices, which is mostly nothing, so there is no such field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.counters.counts import UNRELIABLE, Counts, Key, Volume
from contracts.events import SENTIMENTS
from contracts.rules.schema import Unit

COLUMNS: Final = 6
PACKING: Final = 1 << 32
TEXTS: Final = "/texts"
"""Ends the field of distinct texts minus distinct voices."""
REACH: Final = "/reach"
"""Ends the field of the voices' followers."""
_KINDS: Final = ("", TEXTS, REACH)
_PLACES: Final = COLUMNS * len(_KINDS)
_OF_SENTIMENTS: Final = (*SENTIMENTS, *(s + UNRELIABLE for s in SENTIMENTS))
_COLUMN: Final = {
    name + kind: COLUMNS * at + column for at, kind in enumerate(_KINDS) for column, name in enumerate(_OF_SENTIMENTS)
}
_VOICE_SHIFT: Final = 32
_TWEETS: Final = PACKING - 1
_UNITS: Final[tuple[Unit, ...]] = ("tweets", "texts", "voices")
"""In the order in which tables hold them."""

IntArray = NDArray[np.int64]


class _Places(dict[str, int]):
    """Row · 18 + kind · 6 + column of each field that was seen; one that was not gets its place when it is asked
    for."""

    def __init__(self, number: dict[Key, int]) -> None:
        super().__init__()
        self._number = number

    def __missing__(self, field: str) -> int:
        watch, theme, sentiment = field.split("|")
        row = self._number.setdefault((watch, theme), len(self._number))
        place = self[field] = row * _PLACES + _COLUMN[sentiment]
        return place


class Rows:
    """Numbers the rows and the places (row · 18 + kind · 6 + column) of the fields that have been seen."""

    def __init__(self) -> None:
        self.number: dict[Key, int] = {}
        self._places = _Places(self.number)

    def places(self, fields: list[str]) -> NDArray[np.int32]:
        """Where the fields `watch|theme|sentiment…` count, (n,)."""
        # Millions of them after a start, nearly all known: a loop in C.
        return np.fromiter(map(self._places.__getitem__, fields), np.int32, len(fields))

    def of(self, keys: Sequence[Key]) -> IntArray:
        """Their rows; -1 for what was never seen."""
        return np.fromiter((self.number.get(key, -1) for key in keys), np.int64, len(keys))


class Cells(NamedTuple):
    """One hash of Redis, parsed."""

    places: NDArray[np.int32]
    """Row · 6 + column, sorted."""
    tweets: NDArray[np.int32]
    texts: NDArray[np.int32]
    voices: NDArray[np.int32]
    reach: NDArray[np.int64] | None = None
    """None where nobody's followers are known."""

    def row(self, row: int) -> IntArray:
        """Tweets, texts, voices and reach of one row, (4, 6)."""
        low, high = np.searchsorted(self.places, (row * COLUMNS, (row + 1) * COLUMNS))
        found = np.zeros((4, COLUMNS), np.int64)
        columns = self.places[low:high] - row * COLUMNS
        for at, numbers in enumerate((self.tweets, self.texts, self.voices, self.reach)):
            if numbers is not None:
                found[at, columns] = numbers[low:high]
        return found


def cells_of(fields: list[str], values: list[int], rows: Rows) -> Cells:
    """A hash of Redis, its fields and its values in the same order."""
    found = rows.places(fields)
    numbers = np.array(values, np.int64)
    of_row, column = np.divmod(found, _PLACES)
    kind, column = np.divmod(column, COLUMNS)
    places = of_row * COLUMNS + column
    counted = np.flatnonzero(kind == 0)
    counted = counted[np.argsort(places[counted])]
    packed = numbers[counted]
    own, voices = places[counted], (packed >> _VOICE_SHIFT).astype(np.int32)
    texts, reach = voices, None
    if len(counted) < len(found):
        # A field of another kind is never without the one that counts its tweets.
        more, followed = kind == 1, kind == 2
        texts = voices.copy()
        texts[np.searchsorted(own, places[more])] += numbers[more].astype(np.int32)
        if followed.any():
            reach = np.zeros(len(own), np.int64)
            reach[np.searchsorted(own, places[followed])] = numbers[followed]
    return Cells(own, (packed & _TWEETS).astype(np.int32), texts, voices, reach)


def volume_of(row: IntArray, *, unreliable: bool = False) -> Volume:
    """What `Cells.row` returns, with the unreliable tweets or without."""
    chosen = row[:, :3] + row[:, 3:] if unreliable else row[:, :3]
    tweets, texts, voices, reach = chosen.tolist()
    return Volume(Counts(*tweets), Counts(*texts), Counts(*voices), sum(reach))


class CountTable(Mapping[Key, Counts]):
    """Sums over a span of time. As a mapping: reliable tweets per watch and theme."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self._sums: IntArray = np.zeros((4, 0, COLUMNS), np.int64)
        """(4, rows, 6): tweets, texts, voices, reach."""

    @property
    def tweets(self) -> IntArray:
        """(rows, 6)."""
        tweets: IntArray = self._sums[0]
        return tweets

    def add(self, cells: Cells, sign: int = 1) -> None:
        """Add a hash, or take it away again."""
        if not len(cells.places):
            return
        self._grow()
        for sums, numbers in zip(self._sums, cells[1:], strict=True):
            if numbers is not None:
                sums.ravel()[cells.places] += sign * numbers

    def _grow(self) -> None:
        missing = len(self.rows.number) - self._sums.shape[1]
        if missing > 0:
            room = np.zeros((4, max(missing, self._sums.shape[1] // 2), COLUMNS), np.int64)
            self._sums = np.concatenate((self._sums, room), axis=1)

    def taken(self, numbers: IntArray, unit: Unit, *, unreliable: bool = False) -> IntArray:
        """Tweets, distinct texts or distinct voices of many rows (`Rows.of`), (n, 3)."""
        self._grow()
        if not self._sums.shape[1]:
            return np.zeros((len(numbers), 3), np.int64)
        some = self._sums[_UNITS.index(unit)][numbers]
        summed: IntArray = some[:, :3] + some[:, 3:] if unreliable else some[:, :3].copy()
        summed[numbers < 0] = 0
        return summed

    def volume(self, key: Key, *, unreliable: bool = False) -> Volume:
        """All that is known of one watch and theme."""
        number = self.rows.number.get(key)
        if number is None or number >= self._sums.shape[1]:
            return Volume()
        return volume_of(self._sums[:, number], unreliable=unreliable)

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
