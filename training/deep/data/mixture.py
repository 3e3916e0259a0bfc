"""What a deep model learns from, in batches of like length, the same ones for a seed however often it is resumed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

LENGTH_STEP: Final = 8
"""Batches are padded to a multiple of this many tokens: few shapes, so few traces, and little padding."""
_BATCHES_SORTED: Final = 40
"""So many batches are drawn together and sorted by length; more gain nothing and make the batches too alike."""


@dataclass(frozen=True)
class Encoded:
    """Texts as token ids, in a row."""

    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    """Text i is `ids[offsets[i] : offsets[i + 1]]`."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text."""
        return np.diff(self.offsets)

    def padded(self, rows: NDArray[np.int64], width: int) -> NDArray[np.int32]:
        """The rows as (len(rows), width), cut or filled with 0."""
        out = np.zeros((len(rows), width), np.int32)
        for place, row in enumerate(rows.tolist()):
            piece = self.ids[self.offsets[row] : self.offsets[row + 1]][:width]
            out[place, : len(piece)] = piece
        return out


class Batch(NamedTuple):
    """One step's worth of tweets."""

    ids: NDArray[np.int32]
    """(size, width), 0 where there is no token."""
    targets: NDArray[np.float32]
    """(size, 3): how probable each label is taken to be."""
    distant: NDArray[np.bool_]
    """(size,): labelled by emoticon, so that only negative against positive is known."""
    weights: NDArray[np.float32]
    """(size,): what each counts in the loss."""


@dataclass(frozen=True)
class Mixture:
    """Rows by group, and the share of each group in every batch.

    Small groups come round more often than large ones; within a group every row comes once before any comes again.
    """

    encoded: Encoded
    targets: NDArray[np.float32]
    distant: NDArray[np.bool_]
    weights: NDArray[np.float32]
    groups: Mapping[str, NDArray[np.int64]]
    shares: Mapping[str, float]
    size: int
    longest: int
    seed: int

    def batches(self, start: int = 0) -> Iterator[Batch]:
        """Batches without end, from number `start` on."""
        part, skipped = divmod(start, _BATCHES_SORTED)
        while True:
            yield from self._part(part, skipped)
            part, skipped = part + 1, 0

    def _part(self, part: int, skipped: int) -> Iterator[Batch]:
        random = np.random.default_rng((self.seed, part))
        rows = np.concatenate([self._drawn(name, part) for name in self.groups])
        random.shuffle(rows)
        rows = rows[np.argsort(np.minimum(self.encoded.lengths[rows], self.longest), kind="stable")]
        cuts = [rows[at : at + self.size] for at in range(0, len(rows), self.size)]
        for number in random.permutation(len(cuts))[skipped:].tolist():
            yield self._batch(cuts[number])

    def _drawn(self, name: str, part: int) -> NDArray[np.int64]:
        """The rows of a group for this part: the next ones of its endless, reshuffled round."""
        rows, total = self.groups[name], self.size * _BATCHES_SORTED
        # Rounded down but for the first group, which takes what is left.
        others = {other: int(total * share) for other, share in self.shares.items()}
        first = next(iter(self.groups))
        count = total - sum(others[other] for other in self.groups if other != first) if name == first else others[name]
        places = np.arange(part * count, (part + 1) * count)
        taken = np.empty(count, np.int64)
        for turn in np.unique(places // len(rows)).tolist():
            mine = places // len(rows) == turn
            taken[mine] = rows[_order(self.seed, turn, name, len(rows))[places[mine] % len(rows)]]
        return taken

    def _batch(self, rows: NDArray[np.int64]) -> Batch:
        longest = min(int(self.encoded.lengths[rows].max()), self.longest)
        width = max(LENGTH_STEP, -(-longest // LENGTH_STEP) * LENGTH_STEP)
        return Batch(self.encoded.padded(rows, width), self.targets[rows], self.distant[rows], self.weights[rows])


@lru_cache(maxsize=8)
def _order(seed: int, turn: int, name: str, count: int) -> NDArray[np.int64]:
    # Seeded by the name's own letters: the same order whatever other groups there are.
    return np.random.default_rng((seed, turn, *name.encode())).permutation(count)
