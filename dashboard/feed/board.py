"""How it is with every watch now: share against what is usual, volume, escalation, themes that grow.

Numbers are those of the rules: the same counters, the same past, the same formula of the escalation score.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import redis

from alerts.conditions.bad_buzz import BadBuzzCondition, Expected
from alerts.conditions.finding import Moment
from alerts.counters.counts import ALL_THEMES, Point, Sample
from alerts.counters.store import CounterStore
from alerts.explanation.bad_buzz import span
from alerts.explanation.escalation import escalation
from alerts.state.store import AlertStore
from contracts.rules.schema import Rules, Unit
from contracts.settings import Settings
from contracts.times import clock_ms

WINDOWS: Final = (60.0, 300.0, 900.0, 3600.0)
_ENOUGH: Final = 20
"""The shortest window that holds so many says how it is now."""
_SPARK_MIN: Final = 60
_SLOWLY_S: Final = 2.0
"""How often what is usual, the last hour and the themes are read again."""
_THEME_WINDOW_S: Final = 900.0
_THEME_SCORE: Final = 3.0
"""A theme grows when it is so many standard deviations above what is usual."""
_FEWEST: Final = 5
_DEVIATIONS: Final = 2.0
"""Half the width of the usual band, in standard deviations: about one of twenty windows lies outside by chance."""


class WatchNow(NamedTuple):
    """One watch."""

    name: str
    window: str
    """`5 min`: what share and counts are of."""
    counted: int
    negative: int
    unit: Unit
    share: float | None
    """None where nothing came."""
    usual: float | None
    """None where no rule says what is usual."""
    low: float
    high: float
    per_minute: int
    """Tweets of the last minute."""
    score: int
    """Escalation, 0 to 100; 0 within the usual band."""
    open_minute: int
    """Start of the minute that is being counted, seconds."""
    minute: tuple[int, int]
    """Its tweets, and the negative ones."""

    def public(self) -> dict[str, Any]:
        """As it is sent."""
        return {**self._asdict(), "share": None if self.share is None else round(self.share, 4)}


class ThemeNow(NamedTuple):
    """A theme that grows."""

    watch: str
    theme: str
    negative: int
    usual: float


class BoardNow(NamedTuple):
    """Everything of one moment."""

    at_ms: int
    watches: list[WatchNow]
    themes: list[ThemeNow]
    sparks: dict[str, list[tuple[int, int]]]
    """Watch → tweets and negative ones of the last 60 whole minutes, oldest first."""
    per_minute: int
    """Tweets of the whole stream in the last minute."""

    def public(self) -> dict[str, Any]:
        """As it is sent; sparklines are on the page already, and grow by its open minute."""
        return {
            "at": self.at_ms,
            "watches": [watch.public() for watch in self.watches],
            "themes": [theme._asdict() for theme in self.themes],
            "per_minute": self.per_minute,
        }


class Board:
    """Reads counters; safe to use from several threads, which share one reading for a moment."""

    def __init__(self, settings: Settings, client: redis.Redis, rules: Callable[[], Rules]) -> None:
        self._counters = CounterStore(client, settings)  # of its own, as its tables move with every reading
        self._alerts = AlertStore(client, settings)
        self._rules = rules
        self._bucket_s = settings.alerts.bucket_s
        self._fresh_s = settings.dashboard.frame_ms / 1000 / 2
        self._lock = threading.Lock()
        self._condition: BadBuzzCondition | None = None
        self._condition_for: Rules | None = None
        self._read_at = float("-inf")
        self._slowly_at = float("-inf")
        self._now: BoardNow | None = None
        self._expected: dict[str, Expected] = {}
        self._sparks: dict[str, list[tuple[int, int]]] = {}
        self._themes: list[ThemeNow] = []

    def now(self) -> BoardNow:
        """How it is; blocks for the time of a few calls of Redis.

        Raises:
            redis.RedisError: Redis is away.
        """
        with self._lock:
            if self._now is None or time.monotonic() - self._read_at >= self._fresh_s:
                now_ms = clock_ms()
                if time.monotonic() - self._slowly_at >= _SLOWLY_S or self._condition_for is not self._rules():
                    self._read_slowly(now_ms)
                    self._slowly_at = time.monotonic()
                self._now = self._read(now_ms)
                self._read_at = time.monotonic()
            return self._now

    def samples(self, watches: Sequence[str], since_ms: int) -> list[Sample]:
        """Negative tweets about these watches, newest first."""
        found = [sample for watch in watches for sample in self._counters.samples(watch, since_ms)]
        return sorted(found, key=lambda sample: -sample.created_at_ms)

    def marks(self, topic_id: str, partitions: Sequence[int]) -> dict[int, int]:
        """The next offset to count of each partition of a topic, by Kafka's id of it."""
        return self._counters.marks(topic_id, partitions)

    def series(self, since_s: int, until_s: int, step_s: int, watch: str, theme: str) -> list[Point]:
        """Counts of one watch and theme, per step."""
        return self._counters.stats(since_s=since_s, until_s=until_s, step_s=step_s, watch=watch, theme=theme)

    def hourly(self, now_ms: int, spans: Sequence[tuple[int, int]], watch: str) -> list[Point]:
        """Counts of a watch per span of whole hours; kept for longer than those per minute, themes left out."""
        with self._lock:
            tables = self._counters.hours(now_ms, spans)
            volumes = [table.volume((watch, ALL_THEMES), unreliable=True) for table in tables]
        return [
            Point(since, watch, ALL_THEMES, volume.tweets, volume.texts.total, 0, volume.voices.total)
            for (since, _), volume in zip(spans, volumes, strict=True)
            if volume.tweets.total
        ]

    def expected(self, watch: str) -> Expected | None:
        """What the past leads to expect of a watch, None where no rule says; as of the last reading."""
        return self._expected.get(watch)

    def _read(self, now_ms: int) -> BoardNow:
        minute = now_ms // 60_000 * 60
        tables = {seconds: self._counters.window(now_ms, seconds) for seconds in reversed(WINDOWS)}
        series = {
            point.watch: point.counts
            for point in self._counters.stats(since_s=minute, until_s=minute + 60, theme=ALL_THEMES)
        }
        watches = []
        for watch in self._rules().watches:
            key = (watch.name, ALL_THEMES)
            expected = self._expected.get(watch.name)
            unit: Unit = expected.rule.count if expected else "voices"
            volumes = {seconds: tables[seconds].volume(key) for seconds in WINDOWS}
            window_s = next((s for s in WINDOWS if volumes[s].counted(unit).total >= _ENOUGH), WINDOWS[-1])
            counted = volumes[window_s].counted(unit)
            low, usual, high = band(expected, counted.total)
            open_minute = series.get(watch.name)
            watches.append(
                WatchNow(
                    name=watch.name,
                    window="1 min" if window_s == WINDOWS[0] else span(window_s),
                    counted=counted.total,
                    negative=counted.negative,
                    unit=unit,
                    share=counted.share if counted.total else None,
                    usual=usual,
                    low=low,
                    high=high,
                    per_minute=volumes[60.0].tweets.total,
                    score=_score(counted.share, usual, high, counted.negative, volumes[window_s].reach),
                    open_minute=minute,
                    minute=(open_minute.total, open_minute.negative) if open_minute else (0, 0),
                )
            )
        whole = tables[60.0].volume(("", ALL_THEMES)).tweets.total
        return BoardNow(now_ms, watches, self._themes, self._sparks, whole)

    def _read_slowly(self, now_ms: int) -> None:
        rules = self._rules()
        if self._condition is None or self._condition_for is not rules:
            self._condition = BadBuzzCondition(rules, self._counters, bucket_s=self._bucket_s)
            self._condition_for = rules
        snapshot = self._alerts.snapshot()
        expected = self._condition.expected(Moment(now_ms=now_ms, snapshot=snapshot, model_version=""))
        self._expected = {}
        for one in expected:
            if one.key[1] == ALL_THEMES:
                self._expected.setdefault(one.key[0], one)
        self._sparks = self._read_sparks(now_ms, rules)
        self._themes = self._growing(now_ms, rules)

    def _read_sparks(self, now_ms: int, rules: Rules) -> dict[str, list[tuple[int, int]]]:
        until = now_ms // 60_000 * 60 + 60
        since = until - 60 * _SPARK_MIN
        sparks = {watch.name: [(0, 0)] * _SPARK_MIN for watch in rules.watches}
        for point in self._counters.stats(since_s=since, until_s=until, theme=ALL_THEMES):
            if point.watch in sparks:
                sparks[point.watch][(point.start_s - since) // 60] = (point.counts.total, point.counts.negative)
        return sparks

    def _growing(self, now_ms: int, rules: Rules) -> list[ThemeNow]:
        """Themes with more negative tweets in the last quarter of an hour than a day's past explains."""
        now = self._counters.window(now_ms, _THEME_WINDOW_S)
        found: list[tuple[float, ThemeNow]] = []
        lately = {
            (watch.name, theme.name): now.volume((watch.name, theme.name)).texts.negative
            for watch in rules.watches
            for theme in rules.themes
        }
        past = self._counters.baseline(now_ms, window_s=WINDOWS[-1], baseline_s=86_400.0)
        for (watch, theme), negative in lately.items():
            usual = past.volume((watch, theme)).texts.negative * _THEME_WINDOW_S / 86_400.0
            score = (negative - usual) / math.sqrt(usual + 1)
            if negative >= _FEWEST and score >= _THEME_SCORE:
                found.append((score, ThemeNow(watch, theme, negative, round(usual, 1))))
        return [theme for _, theme in sorted(found, key=lambda one: -one[0])[:6]]


def band(expected: Expected | None, counted: int) -> tuple[float, float | None, float]:
    """Lower end, middle and upper end of the shares that so many lead to expect."""
    if expected is None:
        return 0.0, None, 1.0
    share, dispersion = float(expected.usual.share[0]), float(expected.usual.dispersion[0])
    number = max(counted, 1)
    # Beta-binomial, as in the rule: tweets of one window resemble each other (alerts.detectors.baseline).
    deviation = math.sqrt(share * (1 - share) * (1 + (number - 1) * dispersion) / number)
    low, high = np.clip([share - _DEVIATIONS * deviation, share + _DEVIATIONS * deviation], 0.0, 1.0).tolist()
    return round(low, 4), round(share, 4), round(high, 4)


def _score(share: float, usual: float | None, high: float, negative: int, reach: int) -> int:
    if usual is None or share <= high:
        return 0
    return round(escalation(share_now=share, share_before=usual, negative=negative, followers=reach or None).score)
