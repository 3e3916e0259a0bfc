"""What predictions add to the counters.

Tweets that count in the same cells are found by sorting numbers; Python sees groups of them, and the few that are
shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alerts.counters.counts import ALL_THEMES, ANSWER_BINS, ANSWER_SLOT_S, STREAM, Answer, Cell, Sample, VoiceGroup
from alerts.counters.voices import SURE
from contracts.events import SENTIMENTS, decode_prediction
from contracts.settings import AlertSettings
from contracts.words.languages import language_of
from models.text.language import likeliest
from stream.codecs.prediction_decoder import ScoredColumns, Topics

UNDETERMINED = "und"
"""BCP 47's code for an undetermined language."""
SURE_BIN = int(SURE * ANSWER_BINS)
"""From this bin of the confidence on the model is sure."""
MAX_SAMPLES = 20
"""Negative tweets kept per watch and batch, the newest: enough for any alert, and little to send."""


@dataclass(slots=True)
class Tally:
    """What a batch of one source partition adds to the counters."""

    buckets: Counter[Cell] = field(default_factory=Counter)
    minutes: Counter[Cell] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)
    voices: list[VoiceGroup] = field(default_factory=list)
    answers: Counter[Answer] = field(default_factory=Counter)


def with_languages(samples: list[Sample]) -> list[Sample]:
    """Tweets in languages that the model does not know, each with its language code: the tweet's `lang` field, else
    the one detected in its text."""
    stated = [language_of(sample.lang) for sample in samples]
    detected = iter(likeliest([sample.text for sample, code in zip(samples, stated, strict=True) if code is None]))
    codes = [next(detected) if code is None else code for code in stated]
    return [sample._replace(lang=code or UNDETERMINED) for sample, code in zip(samples, codes, strict=True)]


_Numbers = NDArray[np.int64]
_LATE = np.iinfo(np.int64).min
_NEGATIVE = SENTIMENTS.index("negative")


def tally_columns(columns: ScoredColumns, settings: AlertSettings, now_ms: int) -> Tally:
    """Count the events of one source partition."""
    at_ms, late = _event_times(columns, settings)
    at_s = at_ms // 1000
    rows = np.flatnonzero(at_s >= now_ms / 1000 - settings.minute_retention_s)
    result = Tally()
    if not len(rows):
        return result
    at_s, topic_of, sentiments = at_s[rows], columns.topic_of[rows], columns.sentiments[rows]
    on_time = ~late[rows] & (at_s >= now_ms / 1000 - settings.bucket_retention_s)
    minutes = at_s - at_s % 60
    buckets = np.where(on_time, at_s - at_s % settings.bucket_s, _LATE)
    is_watched = np.array([bool(topics.watches) for topics in columns.topics])[topic_of]

    topics_and_sentiments = topic_of * len(SENTIMENTS) + sentiments
    first, group_of, sizes = _groups(topics_and_sentiments, buckets, minutes)
    _count(result, columns.topics, topics_and_sentiments[first], buckets[first], minutes[first], sizes)
    if is_watched.any():
        named = (key[first].tolist() for key in (topics_and_sentiments, buckets, minutes))
        groups = list(zip(*named, strict=True))
        result.voices = list(_voices(columns, groups, group_of[is_watched], rows[is_watched]))
    result.answers = _answers(columns, rows, at_s // ANSWER_SLOT_S, sentiments)
    shown = on_time & is_watched & columns.has_text[rows]
    known = np.array([topics.reliable for topics in columns.topics])[topic_of]
    result.samples = _samples(columns, rows[shown & known & (sentiments == _NEGATIVE)], at_ms)
    if not known.all():
        result.samples += with_languages(_samples(columns, rows[shown & ~known], at_ms))
    return result


def _event_times(columns: ScoredColumns, settings: AlertSettings) -> tuple[_Numbers, NDArray[np.bool_]]:
    """When each row counts, milliseconds since 1970, and whether it is late: dated more than `late_after_s` before its
    record. One from the future (more than `ahead_after_s` after it) counts at its record's time."""
    ahead = columns.created > columns.stamps + settings.ahead_after_s * 1000
    late = columns.created < columns.stamps - settings.late_after_s * 1000
    return np.where(ahead, columns.stamps, columns.created), late & ~ahead


def _groups(*keys: _Numbers) -> tuple[_Numbers, _Numbers, _Numbers]:
    """Rows with the same keys: the first row of each group, in the order in which they come, the group of each row, and
    the groups' sizes."""
    combined = np.zeros(len(keys[0]), np.int64)
    for key in keys:
        # Two numbers below n make one below n squared; renumbered after each, none gets larger.
        values, number = np.unique(key, return_inverse=True)
        if len(values) > 1:
            combined = np.unique(combined * len(values) + number, return_inverse=True)[1]
    _, first, group_of, sizes = np.unique(combined, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return first[order], rank[group_of], sizes[order]


def _count(
    result: Tally, topics: list[Topics], codes: _Numbers, buckets: _Numbers, minutes: _Numbers, sizes: _Numbers
) -> None:
    """Add groups to the cells of their watches and themes; those of one span of time first, as names are dear."""
    spans: dict[tuple[int, int], Counter[tuple[str, str, str]]] = {}
    for bucket, minute, code, size in zip(
        buckets.tolist(), minutes.tolist(), codes.tolist(), sizes.tolist(), strict=True
    ):
        named = spans.setdefault((bucket, minute), Counter())
        about = topics[code // len(SENTIMENTS)]
        number = code % len(SENTIMENTS)
        cells = (ALL_THEMES, about.sentiment(number)), *about.themes_felt(number)
        for watch in (STREAM, *about.watches):
            for theme, sentiment in cells:
                named[watch, theme, sentiment] += size
    for (bucket, minute), named in spans.items():
        for (watch, theme, sentiment), size in named.items():
            result.minutes[Cell(minute, watch, theme, sentiment)] += size
            if bucket != _LATE:
                result.buckets[Cell(bucket, watch, theme, sentiment)] += size


def _voices(
    columns: ScoredColumns, groups: list[tuple[int, int, int]], group_of: _Numbers, rows: _Numbers
) -> Iterator[VoiceGroup]:
    order = np.argsort(group_of, kind="stable")
    numbers, rows = group_of[order], rows[order]
    edges = np.flatnonzero(np.diff(numbers)) + 1
    bounds = [0, *edges.tolist(), len(numbers)]
    texts, authors, reach = columns.digests[rows], columns.authors[rows], columns.reach[rows]
    sure = columns.bins[rows] >= SURE_BIN
    for start, stop in pairwise(bounds):
        code, bucket, minute = groups[numbers[start]]
        about = columns.topics[code // len(SENTIMENTS)]
        number = code % len(SENTIMENTS)
        sentiment, felt = about.sentiment(number), about.themes_felt(number)
        some = slice(start, stop)
        for watch in about.watches:
            buckets = () if bucket == _LATE else _cells(bucket, watch, sentiment, felt)
            minutes = _cells(minute, watch, sentiment, felt)
            yield VoiceGroup(watch, buckets, minutes, texts[some], authors[some], reach[some], sure[some])


@lru_cache(maxsize=20_000)
def _cells(start: int, watch: str, sentiment: str, felt: tuple[tuple[str, str], ...]) -> tuple[Cell, ...]:
    """Remembered, as one bucket and minute is that of many batches."""
    return tuple([Cell(start, watch, *about) for about in ((ALL_THEMES, sentiment), *felt)])


def _answers(columns: ScoredColumns, rows: _Numbers, slots: _Numbers, sentiments: _Numbers) -> Counter[Answer]:
    codes = (columns.version_of[rows] * len(SENTIMENTS) + sentiments) * ANSWER_BINS + columns.bins[rows]
    first, _, sizes = _groups(codes, slots)
    answers: Counter[Answer] = Counter()
    for slot, code, size in zip(slots[first].tolist(), codes[first].tolist(), sizes.tolist(), strict=True):
        rest, bin_ = divmod(code, ANSWER_BINS)
        version, sentiment = divmod(rest, len(SENTIMENTS))
        answers[Answer(slot * ANSWER_SLOT_S, columns.versions[version], SENTIMENTS[sentiment], bin_)] += size
    return answers


def _samples(columns: ScoredColumns, rows: _Numbers, at_ms: _Numbers) -> list[Sample]:
    """The newest of each watch, in the order in which they came; only they are decoded."""
    order = np.argsort(columns.topic_of[rows], kind="stable")
    rows, topic_of = rows[order], columns.topic_of[rows[order]]
    # No watch needs more than the last few of a topic.
    is_last = np.ones(len(rows), np.bool_)
    is_last[:-MAX_SAMPLES] = topic_of[:-MAX_SAMPLES] != topic_of[MAX_SAMPLES:]
    candidates: list[int] = rows[is_last].tolist()
    kept: Counter[str] = Counter()
    chosen: list[tuple[int, list[str]]] = []
    for row in sorted(candidates, reverse=True):
        watches = []
        for watch in reversed(columns.topics[columns.topic_of[row]].watches):
            kept[watch] += 1
            if kept[watch] <= MAX_SAMPLES:
                watches.append(watch)
        if watches:
            chosen.append((row, watches[::-1]))
    samples: list[Sample] = []
    for row, watches in reversed(chosen):
        event: Any = decode_prediction(columns.values[row])
        themes = columns.topics[columns.topic_of[row]].shown_for
        lang = "" if event.reliable else event.lang or UNDETERMINED
        samples += [Sample(watch, int(at_ms[row]), event.text, themes, event.tweet_id, lang) for watch in watches]
    return samples
