"""From predictions to counters: which bucket, which minute, which sample. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from alerts.counters import Cell, Sample
from contracts.events import Prediction
from contracts.settings import AlertSettings
from contracts.times import to_ms

MAX_SAMPLES = 20
"""Negative tweets kept per watch and batch, the newest: enough for any alert, and little to send."""

WHOLE_STREAM = ""
"""The watch that every tweet belongs to."""
ALL_THEMES = ""
"""The theme that every tweet belongs to."""


@dataclass(slots=True)
class Tally:
    """What a batch of one source partition adds to the counters."""

    buckets: Counter[Cell] = field(default_factory=Counter)
    minutes: Counter[Cell] = field(default_factory=Counter)
    samples: list[Sample] = field(default_factory=list)


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
    buckets, minutes = result.buckets, result.minutes
    width = settings.bucket_s
    oldest_s = now_ms / 1000 - settings.minute_retention_s
    oldest_bucket_s = now_ms / 1000 - settings.bucket_retention_s
    kept: Counter[str] = Counter()
    samples: list[Sample] = []
    for prediction, record_ms in predictions:
        created_at_ms, late = event_time(to_ms(datetime.fromisoformat(prediction.created_at)), record_ms, settings)
        at_s = created_at_ms // 1000
        if at_s < oldest_s:  # older than anything that is kept
            continue
        minute = at_s - at_s % 60
        bucket = at_s - at_s % width
        counts_in_bucket = not late and at_s >= oldest_bucket_s
        sentiment = prediction.sentiment
        for watch in (WHOLE_STREAM, *prediction.watches):
            for theme in (ALL_THEMES, *prediction.themes):
                minutes[Cell(minute, watch, theme, sentiment)] += 1
                if counts_in_bucket:
                    buckets[Cell(bucket, watch, theme, sentiment)] += 1
        if sentiment == "negative" and counts_in_bucket and prediction.text:
            for watch in prediction.watches:
                kept[watch] += 1
                samples.append(
                    Sample(watch, created_at_ms, prediction.text, tuple(prediction.themes), prediction.tweet_id)
                )
    result.samples = _newest(samples, kept)
    return result


def _newest(samples: list[Sample], per_watch: Counter[str]) -> list[Sample]:
    surplus = {watch: count - MAX_SAMPLES for watch, count in per_watch.items()}
    newest = []
    for sample in samples:
        surplus[sample.watch] -= 1
        if surplus[sample.watch] < 0:
            newest.append(sample)
    return newest
