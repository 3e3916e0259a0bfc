"""Counting predictions one by one: the definition that `stream.counting.tally` is held against."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from alerts.counters.counts import ALL_THEMES, ANSWER_SLOT_S, STREAM, Answer, VoiceGroup
from alerts.counters.store import Cell, Sample
from contracts.events import SENTIMENTS, Prediction, Sentiment
from contracts.settings import AlertSettings
from contracts.times import to_ms
from contracts.tweet_objects.dates import read_date
from models.text.digests import digests
from stream.codecs.authors import author_number
from stream.codecs.prediction_decoder import Topics, confidence_bin, followers
from stream.counting.tally import MAX_SAMPLES, SURE_BIN, UNDETERMINED, Tally, with_languages


class _Group(NamedTuple):
    """Tweets that count in the same cells."""

    minute: int
    bucket: int | None
    """None for late tweets."""
    sentiment: Sentiment
    about: Topics

    def cells(self, start: int, watch: str) -> list[Cell]:
        number = SENTIMENTS.index(self.sentiment)
        felt = (ALL_THEMES, self.about.sentiment(number)), *self.about.themes_felt(number)
        return [Cell(start, watch, theme, sentiment) for theme, sentiment in felt]


def event_time(created_at_ms: int, record_ms: int, settings: AlertSettings) -> tuple[int, bool]:
    """When a tweet counts, and whether it is late.

    Late tweets (dated more than `late_after_s` before their record) count in their own minute and never page.
    Tweets from the future (more than `ahead_after_s` after it) count at the record's time, so that a date in
    the year 9999 moves nothing.

    Returns:
        Milliseconds since 1970 and True when late.
    """
    if created_at_ms > record_ms + settings.ahead_after_s * 1000:
        return record_ms, False
    return created_at_ms, created_at_ms < record_ms - settings.late_after_s * 1000


def tally(predictions: Iterable[tuple[Prediction, int]], settings: AlertSettings, now_ms: int) -> Tally:
    """Count predictions, each with its record's timestamp in milliseconds."""
    result = Tally()
    width = settings.bucket_s
    oldest_s = now_ms / 1000 - settings.minute_retention_s
    oldest_bucket_s = now_ms / 1000 - settings.bucket_retention_s
    groups: Counter[_Group] = Counter()
    watched: dict[_Group, list[Prediction]] = {}
    answers: Counter[tuple[int, str, str, int]] = Counter()
    kept: Counter[str] = Counter()
    samples: list[Sample] = []
    for prediction, record_ms in predictions:
        created_at_ms, late = event_time(to_ms(read_date(prediction.created_at)), record_ms, settings)
        at_s = created_at_ms // 1000
        if at_s < oldest_s:  # older than anything that is kept
            continue
        sentiment = prediction.sentiment
        confidence = confidence_bin(prediction.confidence)
        answers[at_s // ANSWER_SLOT_S, prediction.model.version, sentiment, confidence] += 1
        on_time = not late and at_s >= oldest_bucket_s
        group = _Group(
            at_s - at_s % 60,
            at_s - at_s % width if on_time else None,
            sentiment,
            Topics.of(prediction),
        )
        groups[group] += 1
        if not prediction.watches:
            continue
        watched.setdefault(group, []).append(prediction)
        if on_time and prediction.text and (sentiment == "negative" or not prediction.reliable):
            lang = "" if prediction.reliable else prediction.lang or UNDETERMINED
            for watch in prediction.watches:
                sample = Sample(watch, created_at_ms, prediction.text, group.about.shown_for, prediction.tweet_id, lang)
                kept[sample.subject] += 1
                samples.append(sample)
    _fill(result, groups)
    result.voices = _voices(watched)
    for (slot, version, label, confidence), number in answers.items():
        result.answers[Answer(slot * ANSWER_SLOT_S, version, label, confidence)] = number
    newest = _newest(samples, kept)
    result.samples = [sample for sample in newest if not sample.lang]
    result.samples += with_languages([sample for sample in newest if sample.lang])
    return result


def _fill(result: Tally, groups: Counter[_Group]) -> None:
    for group, number in groups.items():
        for watch in (STREAM, *group.about.watches):
            for cell in group.cells(group.minute, watch):
                result.minutes[cell] += number
            if group.bucket is not None:
                for cell in group.cells(group.bucket, watch):
                    result.buckets[cell] += number


def _voices(watched: dict[_Group, list[Prediction]]) -> list[VoiceGroup]:
    # Without its text every tweet of an unknown author is a voice of its own.
    found = digests([one.text or one.prediction_id for some in watched.values() for one in some])
    grouped: list[VoiceGroup] = []
    start = 0
    for group, predictions in watched.items():
        texts = found[start : start + len(predictions)]
        start += len(predictions)
        authors = np.array([author_number(one.author) for one in predictions], np.uint64)
        reach = np.array([followers(one) for one in predictions], np.int64)
        sure = np.array([confidence_bin(one.confidence) >= SURE_BIN for one in predictions], np.bool_)
        for watch in group.about.watches:
            buckets = () if group.bucket is None else tuple(group.cells(group.bucket, watch))
            minutes = tuple(group.cells(group.minute, watch))
            grouped.append(VoiceGroup(watch, buckets, minutes, texts, authors, reach, sure))
    return grouped


def _newest(samples: list[Sample], per_watch: Counter[str]) -> list[Sample]:
    surplus = {watch: count - MAX_SAMPLES for watch, count in per_watch.items()}
    newest = []
    for sample in samples:
        surplus[sample.subject] -= 1
        if surplus[sample.subject] < 0:
            newest.append(sample)
    return newest
