"""What rules cost: a thousand watches with twenty themes each, all kinds of rules, a real Redis."""

from __future__ import annotations

import random
import statistics
import subprocess
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import redis

from alerts.counters.counts import Answer, Cell, Sample, VoiceGroup
from alerts.counters.store import CounterStore
from alerts.detectors.drift import Reference
from alerts.rules.evaluator import Evaluator
from alerts.storage.connection import connect
from bench.reporting.report import Report
from bench.stage.ports import free_ports
from contracts.rules.schema import Rules
from contracts.settings import LocalSettings, RedisSettings, Settings
from local.die_with_parent import die_with_parent
from local.servers.redis import redis_server
from local.servers.server import wait_until_ready

SHARDS: Final = 4
_DAY_S: Final = 86_400
_DAYS: Final = 8
"""Of past in counts per hour."""
_PER_DAY: Final = frozenset({"minutes", "hours", "answers"})
_REFERENCE: Final = Reference((0.4, 0.25, 0.35), tuple([0.0] * 8 + [0.05] * 8 + [0.15] * 4))
_SENTIMENTS: Final = ("negative", "neutral", "positive")
_WEIGHTS: Final = (0.3, 0.3, 0.4)


class Costs(NamedTuple):
    """What was measured; times of one core, seconds."""

    watches: int
    themes: int
    subjects: int
    """Watches, and themes in watches, that rules look at."""
    past_tweets: int
    rate: float
    """Tweets a second while the rules are evaluated."""
    first_s: float
    """The first evaluation after a start, which reads the past."""
    idle_s: list[float]
    busy_s: list[float]
    busy_wall_s: list[float]
    crisis_s: list[float]
    """While one watch in a hundred has a crisis, with their alerts."""
    alerts: int
    count_ms: float
    """Counting a second's tweets of one source partition, wall clock."""
    bytes_by_part: dict[str, float]
    """Memory of Redis by what is kept; minutes, hours and answers of one day."""


def rules_for(watches: int, themes: int) -> Rules:
    """Every kind of rule, over all watches and all themes."""
    return Rules.model_validate(
        {
            "watches": [{"name": f"brand-{one:05d}", "match": [f"@brand{one:05d}"]} for one in range(watches)],
            "themes": [{"name": f"theme-{one:02d}", "match": [f"word{one:02d}"]} for one in range(themes)],
            "rules": [
                {"alert": "BadBuzz", "kind": "bad_buzz"},
                {"alert": "BadBuzzOfTheme", "kind": "bad_buzz", "per_theme": True, "severity": "warning"},
                {"alert": "Quiet", "kind": "quiet", "watches": [f"brand-{one:05d}" for one in range(watches)]},
                {"alert": "StreamQuiet", "kind": "quiet"},
                {"alert": "ConsecutiveErrors", "kind": "consecutive_errors"},
                {"alert": "ErrorCount", "kind": "error_count"},
                {"alert": "Accuracy", "kind": "accuracy"},
                {"alert": "Drift", "kind": "drift"},
                {"alert": "ModelBroken", "kind": "model_broken"},
            ],
        }
    )


class _Crowd:
    """Tweets of all watches into the counters, as the worker counts them."""

    def __init__(self, store: CounterStore, rules: Rules) -> None:
        self._store = store
        self._source = random.Random(7)
        self._watches = [watch.name for watch in rules.watches]
        self._themes = [theme.name for theme in rules.themes]
        self._offsets = [0] * SHARDS

    def count(self, at_s: int, tweets: int, *, live: bool, angry: tuple[str, ...] = (), bucket_s: int = 5) -> None:
        """Count so many tweets of one moment in each partition."""
        for shard in range(SHARDS):
            number = tweets // SHARDS + (shard < tweets % SHARDS)
            if number:
                self._count(shard, at_s, number, live=live, angry=angry, bucket_s=bucket_s)

    def hour(self, at_s: int, tweets: float) -> None:
        """Count an hour long ago, so many tweets of each watch, in one call of each partition."""
        for shard in range(SHARDS):
            cells = {
                Cell(at_s, watch, "", sentiment): max(1, round(self._source.gauss(mean, mean**0.5)))
                for sentiment, weight in zip(_SENTIMENTS, _WEIGHTS, strict=True)
                if (mean := tweets * weight / SHARDS)
                for watch in self._watches
            }
            offset = self._offsets[shard]
            self._offsets[shard] = self._store.add(
                topic_id="bench",
                partition=shard,
                expected=offset,
                end=offset + sum(cells.values()),
                buckets={},
                minutes=cells,
                samples=[],
            )

    def _count(self, shard: int, at_s: int, tweets: int, *, live: bool, angry: tuple[str, ...], bucket_s: int) -> None:
        source = self._source
        minutes: Counter[Cell] = Counter()
        buckets: Counter[Cell] = Counter()
        voices: list[VoiceGroup] = []
        samples: list[Sample] = []
        answers: Counter[Answer] = Counter()
        minute, bucket = at_s // 60 * 60, at_s // bucket_s * bucket_s
        sentiments = source.choices(_SENTIMENTS, _WEIGHTS, k=tweets)
        watches = source.choices(self._watches, k=tweets)
        themes = source.choices(self._themes, k=tweets)
        for sentiment, watch, theme in zip(sentiments, watches, themes, strict=True):
            if angry and source.random() < 0.5:
                watch, sentiment = source.choice(angry), source.choices(_SENTIMENTS, (0.85, 0.1, 0.05))[0]
            of_watch = tuple(Cell(minute, watch, one, sentiment) for one in ("", theme))
            minutes.update((Cell(minute, "", "", sentiment), Cell(minute, "", theme, sentiment), *of_watch))
            short: tuple[Cell, ...] = ()
            if live:
                short = tuple(cell._replace(start_s=bucket) for cell in of_watch)
                buckets.update((Cell(bucket, "", "", sentiment), Cell(bucket, "", theme, sentiment), *short))
                if sentiment == "negative":
                    text = f"{watch} {theme} {source.getrandbits(32):08x}"
                    samples.append(Sample(watch, at_s * 1000, text, (theme,), str(source.getrandbits(40))))
            text, author = np.array([[source.getrandbits(64)] for _ in range(2)], np.uint64)
            voices.append(VoiceGroup(watch, short, of_watch, text, author, np.zeros(1, np.int64), np.ones(1, np.bool_)))
            answers[Answer(at_s // 600 * 600, "7", sentiment, source.randrange(8, 20))] += 1
        end = self._offsets[shard] + tweets
        self._store.add(
            topic_id="bench",
            partition=shard,
            expected=self._offsets[shard],
            end=end,
            buckets=buckets,
            minutes=minutes,
            samples=samples,
            voices=voices,
            answers=answers,
        )
        self._offsets[shard] = end


def run(
    watches: int,
    themes: int,
    past_rate: float,
    rate: float,
    seconds: int,
    progress: Callable[[str], None],
    past_s: int = _DAY_S,
) -> Costs:
    """Fill a day of the past, then evaluate all rules twice a second of event time while tweets arrive.

    Args:
        past_rate, rate: tweets a second over all watches, before and while it is measured.
        seconds: of event time that are measured.
        past_s: how much of the past is counted tweet by tweet, seconds.
    """
    with _redis() as settings:
        rules = rules_for(watches, themes)
        client = connect(settings)
        crowd = _Crowd(CounterStore(client, settings), rules)
        now_s = int(time.time()) // 60 * 60
        progress(f"the past of {watches:,} watches")
        memory = _fill_past(crowd, client, settings.redis.prefix, now_s, past_s, past_rate, watches)
        for second in range(-5, 0):
            crowd.count(now_s + second, round(rate), live=True)
        evaluator = Evaluator(client, settings, rules)
        first_s, _ = _timed(evaluator, now_s * 1000)
        idle = [_timed(evaluator, now_s * 1000 + 500 * step)[0] for step in range(20)]
        progress(f"{rate:g} tweets a second")
        busy, wall, counting = [], [], []
        for second in range(seconds):
            begun = time.perf_counter()
            crowd.count(now_s + second, round(rate), live=True)
            counting.append((time.perf_counter() - begun) / SHARDS)
            for half in (400, 900):
                cpu, elapsed = _timed(evaluator, (now_s + second) * 1000 + half)
                busy.append(cpu)
                wall.append(elapsed)
        progress("a crisis of one watch in a hundred")
        angry = tuple(watch.name for watch in rules.watches[:: max(1, watches // max(1, watches // 100))])
        crisis = _crisis(crowd, evaluator, now_s + seconds, round(rate), angry)
        alerts = int(client.hlen(f"{settings.redis.prefix}:{{alerts}}:active"))
        live = _memory(client, settings.redis.prefix)
        memory |= {part: size for part, size in live.items() if part in ("buckets", "samples", "active")}
    return Costs(
        watches,
        themes,
        watches * (themes + 1),
        round(past_rate * past_s),
        rate,
        first_s,
        idle,
        busy,
        wall,
        crisis,
        alerts,
        1000 * statistics.median(counting),
        memory,
    )


def _fill_past(
    crowd: _Crowd, client: redis.Redis, prefix: str, now_s: int, past_s: int, rate: float, watches: int
) -> dict[str, float]:
    """Count `past_s` seconds tweet by tweet and the days before by the hour; returns Redis' memory by part."""
    for start in range(now_s - past_s, now_s, 60):
        crowd.count(start, round(rate * 60), live=False)
    memory = _memory(client, prefix)
    for hours in range(25, 24 * _DAYS):
        crowd.hour(now_s // 3600 * 3600 - hours * 3600, rate * 3600 / watches)
    memory["hours"] = _memory(client, prefix)["hours"] / _DAYS
    return memory


def _crisis(crowd: _Crowd, evaluator: Evaluator, start_s: int, tweets: int, angry: tuple[str, ...]) -> list[float]:
    """Processor seconds of each evaluation during half a minute of complaints about the `angry` watches."""
    costs = []
    for second in range(start_s, start_s + 30):
        crowd.count(second, tweets, live=True, angry=angry)
        costs += [_timed(evaluator, second * 1000 + half)[0] for half in (400, 900)]
    return costs


def report(found: Costs) -> Report:
    """One line per figure."""
    rows = [
        ("first evaluation, reading a day of minutes and 24 spans of hours", _ms(found.first_s), ""),
        ("nothing new", _ms(statistics.median(found.idle_s)), _ms(max(found.idle_s))),
        (f"{found.rate:g} tweets/s", _ms(statistics.median(found.busy_s)), _ms(max(found.busy_s))),
        ("the same, wall clock", _ms(statistics.median(found.busy_wall_s)), _ms(max(found.busy_wall_s))),
        (f"a crisis, {found.alerts} alerts", _ms(statistics.median(found.crisis_s)), _ms(max(found.crisis_s))),
    ]
    kept = ", ".join(
        f"{part} {size / found.watches / 1000:.1f} kB{' a day' if part in _PER_DAY else ''}"
        for part, size in sorted(found.bytes_by_part.items(), key=lambda item: -item[1])
        if size / found.watches >= 50
    )
    return Report(
        f"All rules of {found.watches:,} watches with {found.themes} themes ({found.subjects:,} subjects), CPU time of "
        "one core for one evaluation",
        ("", "median", "slowest"),
        rows,
        {**found._asdict(), "goal_s": 1.0, "met": max(found.busy_s) < 1.0},
        (
            f"{found.past_tweets:,} tweets in the day before; {SHARDS} source partitions; counting a second's tweets "
            f"of one of them takes {found.count_ms:.0f} ms.",
            f"Redis, per watch: {kept}.",
        ),
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def _timed(evaluator: Evaluator, now_ms: int) -> tuple[float, float]:
    cpu, wall = time.thread_time(), time.perf_counter()
    evaluator.tick(now_ms, "7", reference=_REFERENCE)
    return time.thread_time() - cpu, time.perf_counter() - wall


def _memory(client: redis.Redis, prefix: str) -> dict[str, float]:
    """Bytes by kind of key."""
    sizes: dict[str, float] = defaultdict(float)
    batch: list[str] = []

    def weigh() -> None:
        pipeline = client.pipeline(transaction=False)
        for key in batch:
            pipeline.memory_usage(key, samples=0)
        for key, size in zip(batch, pipeline.execute(), strict=True):
            sizes[_kind(key, prefix)] += size or 0
        batch.clear()

    for key in client.scan_iter(f"{prefix}:*", count=1000):
        batch.append(str(key))
        if len(batch) == 1000:
            weigh()
    weigh()
    return dict(sizes)


def _kind(key: str, prefix: str) -> str:
    name = key.removeprefix(f"{prefix}:").split("}:", 1)[-1].split(":")[0]
    return {"bucket": "buckets", "minute": "minutes", "hour": "hours", "heard": "voices"}.get(name, name)


@contextmanager
def _redis() -> Iterator[Settings]:
    with tempfile.TemporaryDirectory(prefix="buzzwatch-rules-") as folder:
        [port] = free_ports(1)
        local = LocalSettings(data_dir=Path(folder), redis_port=port)
        server = redis_server(local)
        server.prepare()
        with server.log.open("ab") as log:
            process: subprocess.Popen[Any] = subprocess.Popen(
                die_with_parent(server.command), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_until_ready(server, is_alive=lambda: process.poll() is None)
            yield Settings(redis=RedisSettings(url=f"redis://127.0.0.1:{port}/0", prefix="rules"), local=local)
        finally:
            process.terminate()
            process.wait(timeout=30)
