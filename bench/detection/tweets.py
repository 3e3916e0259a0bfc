"""Collects simulated tweets: time, prediction, text, author."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.detection.texts import Answers, Pool

Times = NDArray[np.float64]
Numbers = NDArray[np.uint64]
Flags = NDArray[np.bool_]


class Rows(NamedTuple):
    """Tweets, sorted by time."""

    times_s: NDArray[np.int64]
    said: Answers
    """The model's predictions and confidences (`texts.Answers`)."""
    texts: Numbers
    """The same number for the same text."""
    authors: Numbers
    """The same number for the same person."""
    late: Flags


class Tweets:
    """What comes, drawn from the held-out tweets of one pool."""

    def __init__(self, source: np.random.Generator, pool: Pool) -> None:
        self._source = source
        self._pool = pool
        self._parts: list[Rows] = []
        self._numbers = 1  # 0 is an author whom nobody knows

    def add(
        self,
        times_s: Times,
        shares: NDArray[np.float64] | float,
        *,
        repeats: float,
        late: bool = False,
        positive: float = 0.45,
        one_text: float = 0.0,
        praise: bool = False,
        again: float = 0.1,
        people: int | None = None,
    ) -> None:
        """Tweets of many people.

        Args:
            times_s: (n,) when.
            shares: how many are negative by true label, of those that are not the one text.
            repeats: so many repeat the text of an earlier one of the same call, as a retweet does.
            late: whether they come long after their date.
            positive: so many of those that are not negative are positive.
            one_text: so many are one and the same text, which people pass on: a complaint, or praise.
            again: so many are from the author of an earlier one of the same call.
            people: how many authors there are; as many as it takes when not given.
        """
        source, number = self._source, len(times_s)
        is_negative = source.random(number) < shares
        is_positive = source.random(number) < positive
        said = self._said(np.where(is_negative, 0, np.where(is_positive, 2, 1)))
        texts, authors = (np.arange(self._numbers, self._numbers + number, dtype=np.uint64) for _ in range(2))
        for index, earlier in self._earlier(number, repeats):
            texts[index], said[index] = texts[earlier], said[earlier]
        for index, earlier in self._earlier(number, again):
            authors[index] = authors[earlier]
        if people is not None:
            authors = self._numbers + source.integers(0, people, number).astype(np.uint64)
        if one_text:
            passed_on = source.random(number) < one_text
            texts[passed_on] = self._numbers + number
            said[passed_on] = self._said(np.array([2 if praise else 0]))[0]
        self._numbers += number + 1
        self._parts.append(Rows(np.sort(times_s).astype(np.int64), said, texts, authors, np.full(number, late)))

    def add_bot(self, times_s: Times) -> None:
        """One complaint of one author, again and again."""
        number = len(times_s)
        same = np.full(number, self._numbers, np.uint64)
        self._numbers += 1
        self._parts.append(
            Rows(np.sort(times_s).astype(np.int64), np.ones(number, np.float32), same, same, np.zeros(number, bool))
        )

    def sorted(self) -> Rows:
        """All of them."""
        times = np.concatenate([part.times_s for part in self._parts])
        order = np.argsort(times, kind="stable")
        return Rows(
            times[order],
            np.concatenate([part.said for part in self._parts])[order],
            np.concatenate([part.texts for part in self._parts])[order],
            np.concatenate([part.authors for part in self._parts])[order],
            np.concatenate([part.late for part in self._parts])[order],
        )

    def _said(self, label: NDArray[np.int64]) -> Answers:
        """The model's predictions for tweets of these true labels: of one of the pool each."""
        said = np.zeros(len(label), np.float32)
        for true, answers in enumerate(self._pool.answers):
            mine = label == true
            said[mine] = answers[self._source.integers(0, len(answers), int(mine.sum()))]
        return said

    def _earlier(self, number: int, share: float) -> list[tuple[int, int]]:
        """So many tweets, each with one that came not long before it."""
        later = np.flatnonzero(self._source.random(number) < share)
        later = later[later > 0]
        earlier = np.maximum(later - 1 - self._source.geometric(0.02, len(later)), 0)
        return list(zip(later.tolist(), earlier.tolist(), strict=True))
