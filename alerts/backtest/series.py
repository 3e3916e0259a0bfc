"""Counts of recorded tweets: the same buckets, voices and distinct texts as the live counters, as arrays. Pure."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from alerts.counters.voices import PERIOD_S
from contracts.rules.schema import Unit

BUCKET_S: Final = 5
"""Width of a bucket, seconds; that of the live counters by default."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Series(NamedTuple):
    """One subject (a watch, or a theme in a watch), bucket by bucket."""

    start_s: int
    """Start of the first bucket, seconds since 1970, a whole minute."""
    negative: Ints
    """(m,) negative ones on time of what the rule counts."""
    total: Ints
    """(m,) all of them on time."""
    past_negative: Ints
    """(m,) negative ones, late ones too: what baselines are made of."""
    past_total: Ints
    """(m,) all, late ones too."""
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
    """Which tweets are the first of their text: it occurred neither in this period of PERIOD_S nor in the one before.

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


def voices(texts: NDArray[np.uint64], authors: NDArray[np.uint64], negative: Flags) -> NDArray[np.uint64]:
    """(n,) the same number for the same voice: the author, once for complaints and once for the rest, or the text where
    the author is unknown (0)."""
    salted = authors ^ np.where(negative, np.uint64(0xA5A5_5A5A_C3C3_3C3C), np.uint64(0x1234_5678_9ABC_DEF1))
    return np.where(authors != 0, salted, texts)


def count(
    span: Span,
    times_s: Ints,
    negative: Flags,
    texts: NDArray[np.uint64],
    late: Flags | None = None,
    *,
    authors: NDArray[np.uint64] | None = None,
    sure: Flags | None = None,
    unit: Unit = "voices",
) -> Series:
    """Count the tweets of one subject.

    Args:
        span: the buckets to fill; every tweet lies in them.
        times_s: (n,) when each counts, seconds since 1970.
        negative: (n,) what the model predicted.
        texts: (n,) their digests.
        late: (n,) which arrived so late that they fill the past only.
        authors: (n,) the same number for the same author, 0 for an unknown one; None where nobody is known.
        sure: (n,) whether the model is sure of its prediction (`alerts.counters.voices.SURE`); None where it always is.
        unit: what the rule counts.
    """
    bucket = (times_s - span.start_s) // BUCKET_S
    if unit == "tweets":
        first = np.ones(len(times_s), bool)
    else:
        whose = texts if unit == "texts" or authors is None else voices(texts, authors, negative)
        first = distinct(times_s, whose)
        if sure is not None and whose is not texts:
            first &= sure | distinct(times_s, texts)
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
