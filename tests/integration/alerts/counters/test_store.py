from __future__ import annotations

import time
from collections import Counter
from functools import partial

import pytest

from alerts.counters.counts import Answer, TextGroup
from alerts.counters.store import Cell, CounterStore, Counts, Sample
from alerts.storage.connection import connect
from contracts.settings import Settings
from models.text.digests import digests

NOW_S = 1_790_000_000 // 60 * 60
NOW_MS = NOW_S * 1000
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.fixture
def store(settings: Settings) -> CounterStore:
    return CounterStore(connect(settings), settings)


def cells(start_s: int, negative: int, *, positive: int = 0, watch: str = "acme", theme: str = "") -> Counter[Cell]:
    return Counter(
        {Cell(start_s, watch, theme, "negative"): negative, Cell(start_s, watch, theme, "positive"): positive}
    )


def add(store: CounterStore, expected: int, end: int, counted: Counter[Cell], partition: int = 0) -> int:
    minutes = Counter[Cell]()
    for cell, number in counted.items():
        minutes[cell._replace(start_s=cell.start_s // 60 * 60)] += number
    return store.add(
        topic_id="t1", partition=partition, expected=expected, end=end, buckets=counted, minutes=minutes, samples=[]
    )


def test_a_batch_counts_once_however_often_it_is_sent(store: CounterStore) -> None:
    for _ in range(3):
        assert add(store, 0, 10, cells(NOW_S, 7, positive=3)) == 10
    assert store.window(NOW_MS, 60)["acme", ""] == Counts(7, 0, 3)


def test_a_batch_from_another_offset_counts_nothing_and_tells_where_to_go_on(store: CounterStore) -> None:
    add(store, 0, 10, cells(NOW_S, 1))
    assert add(store, 5, 20, cells(NOW_S, 100)) == 10
    assert add(store, 12, 20, cells(NOW_S, 100)) == 10
    assert store.window(NOW_MS, 60)["acme", ""].negative == 1


def test_a_redis_that_has_forgotten_everything_is_counted_again_from_the_beginning(store: CounterStore) -> None:
    assert store.marks("t1", range(4)) == {}
    assert add(store, 1000, 1001, cells(NOW_S, 1), partition=3) == 0
    assert add(store, 0, 1001, cells(NOW_S, 1), partition=3) == 1001
    assert store.marks("t1", range(4)) == {3: 1001}
    assert store.marks("t2", range(4)) == {}


def test_the_shards_add_up(store: CounterStore, settings: Settings) -> None:
    for partition in range(4):
        add(store, 0, 5, cells(NOW_S - partition * 10, 5), partition=partition)
    reader = CounterStore(connect(settings), settings)
    assert reader.window(NOW_MS, 60)["acme", ""].negative == 20
    assert reader.baseline(NOW_MS + 240_000, window_s=60, baseline_s=3600)["acme", ""].negative == 20


def test_a_window_forgets_what_is_older_and_waits_for_what_is_ahead(store: CounterStore) -> None:
    add(store, 0, 1, cells(NOW_S, 1) + cells(NOW_S - 65, 10) + cells(NOW_S + 60, 100))
    assert store.window(NOW_MS, 60)["acme", ""].negative == 1
    assert store.window(NOW_MS + 60_000, 60)["acme", ""].negative == 101
    assert ("acme", "") not in store.window(NOW_MS + 600_000, 60)


def test_a_late_tweet_changes_the_baseline_that_was_read_before(store: CounterStore) -> None:
    add(store, 0, 1, cells(NOW_S - 7200, 1))
    assert store.baseline(NOW_MS, window_s=60, baseline_s=86_400)["acme", ""].negative == 1
    add(store, 1, 2, cells(NOW_S - 7200, 4))
    assert store.baseline(NOW_MS + 3000, window_s=60, baseline_s=86_400)["acme", ""].negative == 5


def test_a_moving_baseline_equals_one_read_afresh(store: CounterStore, settings: Settings) -> None:
    for step in range(30):
        add(store, step, step + 1, cells(NOW_S - 1800 + step * 60, step + 1, theme="delay" if step % 2 else ""))
    for moved in range(0, 1800_000, 61_000):
        moving = dict(store.baseline(NOW_MS + moved, window_s=60, baseline_s=900))
        afresh = CounterStore(connect(settings), settings)
        assert moving == dict(afresh.baseline(NOW_MS + moved, window_s=60, baseline_s=900))


def test_an_emptied_redis_empties_what_readers_remember(store: CounterStore, settings: Settings) -> None:
    add(store, 0, 1, cells(NOW_S, 9))
    assert store.window(NOW_MS, 60)["acme", ""].negative == 9
    client = connect(settings)
    client.delete(*client.keys(f"{settings.redis.prefix}*"))
    assert dict(store.window(NOW_MS, 60)) == {}


def test_statistics_come_per_step_watch_and_theme(store: CounterStore) -> None:
    add(
        store, 0, 1, cells(NOW_S, 2) + cells(NOW_S, 1, theme="delay") + cells(NOW_S + 60, 4) + cells(NOW_S, 7, watch="")
    )
    points = store.stats(since_s=NOW_S, until_s=NOW_S + 120, watch="acme", theme="")
    assert [(point.start_s, point.counts.negative) for point in points] == [(NOW_S, 2), (NOW_S + 60, 4)]
    (whole,) = store.stats(since_s=NOW_S, until_s=NOW_S + 120, step_s=120, watch="")
    assert whole.counts.negative == 7
    assert {point.theme for point in store.stats(since_s=NOW_S, until_s=NOW_S + 120)} == {"", "delay"}


def test_the_newest_samples_stay_whatever_order_they_come_in(store: CounterStore) -> None:
    samples = [
        Sample("acme", NOW_MS + number, f"bad {number} \x00 \U0001f621", ("delay",), str(number))
        for number in range(80)
    ]
    for first in (40, 0):
        store.add(
            topic_id="t1",
            partition=0,
            expected=40 - first,
            end=80 - first,
            buckets={},
            minutes={},
            samples=samples[first : first + 40],
        )
    kept = store.samples("acme", NOW_MS)
    assert [sample.tweet_id for sample in kept] == [str(number) for number in range(79, 29, -1)]
    assert kept[0] == samples[79]
    assert store.samples("acme", NOW_MS + 75) == kept[:5]


def test_what_was_said_before_a_crisis_is_not_swept_away_by_it(store: CounterStore) -> None:
    def said(offset: int, texts: list[str], at_ms: int) -> None:
        samples = [Sample("acme", at_ms + number, text, (), f"{offset + number}") for number, text in enumerate(texts)]
        store.add(
            topic_id="t1",
            partition=0,
            expected=offset,
            end=offset + len(texts),
            buckets={},
            minutes={},
            samples=samples,
        )

    for hour in range(8):
        said(hour, [f"hour {hour}"], NOW_MS - (8 - hour) * 3_600_000)
    for batch in range(10):
        said(8 + batch * 40, ["bags!"] * 40, NOW_MS + batch * 1000)
    kept = store.samples("acme", NOW_MS - 86_400_000)
    assert [sample.text for sample in kept[-8:]] == [f"hour {hour}" for hour in range(7, -1, -1)]
    assert len(kept) == 50 + 8 + 1  # and the first of the crisis' ten minutes


def test_everything_but_marks_expires(store: CounterStore, settings: Settings) -> None:
    store.add(
        topic_id="t1",
        partition=0,
        expected=0,
        end=1,
        buckets=cells(NOW_S, 1),
        minutes=cells(NOW_S, 1),
        samples=[Sample("acme", NOW_MS, "bad", (), "1")],
    )
    client = connect(settings)
    lasting = {key for key in client.keys(f"{settings.redis.prefix}*") if client.ttl(key) < 0}
    assert lasting == {f"{settings.redis.prefix}:{{scored:t1:0}}:mark", f"{settings.redis.prefix}:shards"}


def test_a_client_that_answers_in_bytes_is_refused(settings: Settings) -> None:
    import redis

    with pytest.raises(TypeError, match="decode_responses"):
        CounterStore(redis.Redis.from_url(settings.redis.url), settings)


def test_what_redis_has_let_expire_is_forgotten(
    store: CounterStore, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(store, 0, 1, cells(NOW_S, 3) + cells(NOW_S - 300, 4))
    stats = partial(store.stats, since_s=NOW_S - 300, until_s=NOW_S + 60, watch="acme", theme="")
    assert len(stats()) == 2
    client, prefix = connect(settings), f"{settings.redis.prefix}:{{scored:t1:0}}"
    client.delete(f"{prefix}:minute:{NOW_S - 300}")
    client.zrem(f"{prefix}:minutes", NOW_S - 300)
    later = time.monotonic() + 601
    monkeypatch.setattr("alerts.counters.cache.time.monotonic", lambda: later)
    assert [point.start_s for point in stats()] == [NOW_S]


def say(store: CounterStore, offset: int, texts: list[str], *, period: int, watch: str = "acme") -> Counts:
    """Count negative tweets with these texts; what the window holds then."""
    bucket, minute = Cell(NOW_S, watch, "", "negative"), Cell(NOW_S, watch, "", "negative")
    end = store.add(
        topic_id="t1",
        partition=0,
        expected=offset,
        end=offset + len(texts),
        buckets={bucket: len(texts)},
        minutes={minute: len(texts)},
        samples=[],
        texts=[TextGroup(watch, (bucket,), (minute,), digests(texts))],
        period=period,
    )
    assert end == offset + len(texts)
    return store.window(NOW_MS, 60).volume((watch, "")).texts


def test_a_text_that_comes_again_is_a_tweet_but_no_new_voice(store: CounterStore) -> None:
    storm = [
        "RT @bob: my bag is lost http://t.co/1",
        "@acme My bag is lost!!! 12",
        "my BAG is lost",
        "where is the crew?",
    ]
    assert say(store, 0, storm, period=7).negative == 2
    assert say(store, 4, storm, period=8).negative == 2
    assert say(store, 8, storm, period=9).negative == 2  # it never ceased to come
    assert say(store, 12, storm, period=9, watch="other").negative == 2
    volume = store.window(NOW_MS, 60).volume(("acme", ""))
    assert (volume.tweets.negative, volume.texts.negative) == (12, 2)
    assert store.baseline(NOW_MS + 120_000, window_s=60, baseline_s=3600).volume(("acme", "")).texts.negative == 2
    (hours,) = store.hours(NOW_MS, [(NOW_S // 3600 * 3600, NOW_S // 3600 * 3600 + 3600)])
    assert hours.volume(("acme", "")).texts.negative == 2


def test_a_text_is_forgotten_after_two_periods_without_it(store: CounterStore) -> None:
    assert say(store, 0, ["my bag is lost"], period=7).negative == 1
    assert say(store, 1, ["hello there"], period=8).negative == 2
    assert say(store, 2, ["my bag is lost"], period=9).negative == 3
    assert say(store, 3, ["my bag is lost"], period=1000).negative == 4


def test_thousands_of_texts_are_told_apart(store: CounterStore) -> None:
    texts = [f"complaint {letter}{other}{third}" for letter in LETTERS for other in LETTERS for third in "xyzabc"]
    assert len(texts) > 4000
    assert say(store, 0, texts, period=1).negative >= 0.998 * len(texts)


def test_tweets_in_languages_that_the_model_does_not_know_count_apart(store: CounterStore) -> None:
    add(store, 0, 9, cells(NOW_S, 2) + Counter({Cell(NOW_S, "acme", "", "negative~"): 7}))
    window = store.window(NOW_MS, 60)
    assert window["acme", ""] == Counts(2, 0, 0)
    assert window.volume(("acme", ""), unreliable=True).tweets == Counts(9, 0, 0)
    (point,) = store.stats(since_s=NOW_S, until_s=NOW_S + 60, watch="acme", theme="")
    assert (point.counts, point.unreliable) == (Counts(9, 0, 0), 7)


def test_what_the_model_said_adds_up_per_version(store: CounterStore) -> None:
    slot = NOW_S // 600 * 600
    for partition in (0, 1):
        store.add(
            topic_id="t1",
            partition=partition,
            expected=0,
            end=3,
            buckets={},
            minutes={},
            samples=[],
            answers={Answer(slot, "7|b", "negative", 19): 2, Answer(slot - 7200, "7|b", "negative", 12): 1},
        )
    assert store.answers(NOW_MS, 3600) == {"7|b": {("negative", 19): 4}}
    assert store.answers(NOW_MS, 9000) == {"7|b": {("negative", 19): 4, ("negative", 12): 2}}
