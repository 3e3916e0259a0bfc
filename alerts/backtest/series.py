"""Counts of recorded tweets: the same buckets and distinct texts as the live counters, as arrays. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.counters.bloom_filter import PERIOD_S

BUCKET_S: Final = 5
"""Width of a bucket, seconds; that of the live counters by default."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Series(NamedTuple):
    """One subject (a watch, or a theme in a watch), bucket by bucket."""

    start_s: int
    """Start of the first bucket, seconds since 1970, a whole minute."""
    negative: Ints
    """(m,) distinct negative texts on time."""
    total: Ints
    """(m,) distinct texts on time."""
    past_negative: Ints
    """(m,) distinct negative texts, late ones too: what baselines are made of."""
    past_total: Ints
    """(m,) distinct texts, late ones too."""
    tweets_negative: Ints
    """(m,) negative tweets on time, repeated ones too."""
    tweets: Ints
    """(m,) tweets on time, repeated ones too."""


class Span(NamedTuple):
    """The buckets that all series of one recording have."""

    start_s: int
    buckets: int

    @classmethod
    def of(cls, times_s: Ints) -> Span:
        """From the first tweet's minute to the bucket of the last one."""
        start = int(times_s.min()) // 60 * 60
        return cls(start, (int(times_s.max()) - start) // BUCKET_S + 1)


def distinct(times_s: Ints, texts: NDArray[np.uint64]) -> Flags:
    """Which tweets are the first of their text: it came neither in this period of PERIOD_S nor in the one before.

    Args:
        times_s: (n,) when each counts.
        texts: (n,) the same number for the same text (`models.text.digests.digests`).
    """
    order = np.lexsort((times_s, texts))
    period, text = times_s[order] // PERIOD_S, texts[order]
    known = np.zeros(len(order), bool)
    known[1:] = (text[1:] == text[:-1]) & (period[1:] - period[:-1] <= 1)
    first = np.empty(len(order), bool)
    first[order] = ~known
    return first


def count(span: Span, times_s: Ints, negative: Flags, texts: NDArray[np.uint64], late: Flags | None = None) -> Series:
    """Count the tweets of one subject.

    Args:
        span: the buckets to fill; every tweet lies in them.
        times_s: (n,) when each counts, seconds since 1970.
        negative: (n,) what the model said.
        texts: (n,) their digests.
        late: (n,) which came so late that they fill the past only.
    """
    bucket = (times_s - span.start_s) // BUCKET_S
    first = distinct(times_s, texts)
    on_time = np.ones(len(times_s), bool) if late is None else ~late

    def filled(chosen: Flags) -> Ints:
        return np.bincount(bucket[chosen], minlength=span.buckets)

    past_negative, past_total = filled(first & negative), filled(first)
    if on_time.all():
        current_negative, current_total = past_negative, past_total
    else:
        current_negative, current_total = filled(first & negative & on_time), filled(first & on_time)
    return Series(
        span.start_s,
        current_negative,
        current_total,
        past_negative,
        past_total,
        filled(negative & on_time),
        filled(on_time),
    )
