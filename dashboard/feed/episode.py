"""What was written while an alert was open: counts around it, when it was worst, and its tweets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from alerts.counters.counts import Point, Sample
from contracts.times import clock_ms
from dashboard.feed.alert_view import AlertView

_STEPS_S: Final = (60, 300, 900, 3600)
_MOST: Final = 90
"""Steps that are drawn."""
_BEFORE: Final = 30
_AFTER: Final = 15
"""Steps before its begin and after its end."""
_FEWEST: Final = 5
"""Tweets of a step whose share says something."""
_TWEETS: Final = 12


class Readings(Protocol):
    """A `Board`, as far as it is needed here."""

    def series(self, since_s: int, until_s: int, step_s: int, watch: str, theme: str) -> list[Point]:
        """Counts per step."""

    def samples(self, watches: Sequence[str], since_ms: int) -> list[Sample]:
        """Tweets that are kept, newest first."""


class Bar(NamedTuple):
    """One step."""

    start_s: int
    tweets: int
    negative: int


class Episode(NamedTuple):
    """An alert's time."""

    bars: list[Bar]
    begin: float
    """Where in the picture it began, 0 to 1."""
    end: float
    worst: Bar | None
    """The step with the largest share of negative tweets."""
    tweets: list[Sample]

    @property
    def most(self) -> int:
        """Tweets of the largest step."""
        return max((bar.tweets for bar in self.bars), default=0) or 1


def episode_of(view: AlertView, board: Readings) -> Episode | None:
    """None for an alert about no watch."""
    if not view.watch:
        return None
    now_s = clock_ms() // 1000
    begin, end = view.alert.starts_at_ms // 1000, (view.alert.ends_at_ms or now_s * 1000) // 1000
    step = next((one for one in _STEPS_S if (end - begin) / one + _BEFORE + _AFTER <= _MOST), _STEPS_S[-1])
    since = begin // step * step - _BEFORE * step
    until = min(-(-end // step) * step + _AFTER * step, -(-now_s // step) * step)
    since = max(since, until - _MOST * step)
    found = {point.start_s: point.counts for point in board.series(since, until, step, view.watch, view.theme)}
    bars = [
        Bar(at, found[at].total, found[at].negative) if at in found else Bar(at, 0, 0)
        for at in range(since, until, step)
    ]
    during = [bar for bar in bars if bar.tweets >= _FEWEST and begin - step < bar.start_s <= end]
    worst = max(during, key=lambda bar: (bar.negative / bar.tweets, bar.tweets), default=None)
    span = until - since
    return Episode(bars, max(begin - since, 0) / span, (end - since) / span, worst, _tweets(view, board, step))


def _tweets(view: AlertView, board: Readings, step_s: int) -> list[Sample]:
    """Distinct ones, those about its themes first."""
    ranks = {theme: at for at, (theme, _) in enumerate(view.themes)}
    since = view.alert.starts_at_ms - step_s * 1000
    until = view.alert.ends_at_ms or clock_ms()
    kept: dict[str, Sample] = {}
    for sample in board.samples([view.watch], since):
        if sample.created_at_ms <= until and view.theme in ("", *sample.themes):
            kept.setdefault(sample.text, sample)
    ordered = sorted(kept.values(), key=lambda one: min((ranks.get(theme, 99) for theme in one.themes), default=99))
    return ordered[:_TWEETS]
