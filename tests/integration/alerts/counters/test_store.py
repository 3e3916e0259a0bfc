from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from alerts.counters.counts import Answer, VoiceGroup, Volume
from alerts.counters.store import Cell, CounterStore, Counts, Sample
from alerts.counters.voices import SLOT_BITS, SLOTS
from alerts.storage.connection import connect
from contracts.settings import Settings
from models.text.digests import digests

NOW_S = 1_790_000_000 // 60 * 60
NOW_MS = NOW_S * 1000
QUARTER_S = NOW_S // 900 * 900
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


def test_the_partitions_add_up(store: CounterStore, settings: Settings) -> None:
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
        for number in range(130)
    ]
    for first in (65, 0):
        store.add(
            topic_id="t1",
            partition=0,
            expected=65 - first,
            end=130 - first,
            buckets={},
            minutes={},
            samples=samples[first : first + 65],
        )
    kept = store.samples("acme", NOW_MS)
    assert [sample.tweet_id for sample in kept] == [str(number) for number in range(129, 29, -1)]
    assert kept[0] == samples[129]
    assert store.samples("acme", NOW_MS + 125) == kept[:5]


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
    assert len(kept) == 100 + 8 + 1  # and the first of the crisis' ten minutes


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
    assert lasting == {f"{settings.redis.prefix}:{{counts2:t1}}:mark:0", f"{settings.redis.prefix}:counts2:topics"}


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
    client, prefix = connect(settings), f"{settings.redis.prefix}:{{counts2:t1}}"
    client.delete(f"{prefix}:minute:{NOW_S - 300}")
    client.zrem(f"{prefix}:minutes", NOW_S - 300)
    later = time.monotonic() + 601
    monkeypatch.setattr("alerts.counters.cache.time.monotonic", lambda: later)
    assert [point.start_s for point in stats()] == [NOW_S]


def say(
    store: CounterStore,
    offset: int,
    texts: list[str],
    *,
    quarter: int = 0,
    watch: str = "acme",
    sentiment: str = "negative",
    authors: Sequence[int] = (),
    partition: int = 0,
    reach: int = 0,
    sure: bool = True,
) -> Volume:
    """Count tweets with these texts of these authors, so many quarters of an hour ago; what two hours hold then."""
    at_s = QUARTER_S - 900 * quarter
    bucket, minute = Cell(at_s, watch, "", sentiment), Cell(at_s, watch, "", sentiment)
    whose = np.zeros(len(texts), np.uint64)
    whose[:] = authors or 0
    end = store.add(
        topic_id="t1",
        partition=partition,
        expected=offset,
        end=offset + len(texts),
        buckets={bucket: len(texts)},
        minutes={minute: len(texts)},
        samples=[],
        voices=[
            VoiceGroup(
                watch,
                (bucket,),
                (minute,),
                digests(texts),
                whose,
                np.full(len(texts), reach, np.int64),
                np.full(len(texts), sure),
            )
        ],
    )
    assert end == offset + len(texts)
    return store.window(QUARTER_S * 1000, 7000).volume((watch, ""))


def test_a_text_that_comes_again_is_a_tweet_but_no_new_voice(store: CounterStore) -> None:
    storm = [
        "RT @bob: my bag is lost http://t.co/1",
        "@acme My bag is lost!!! 12",
        "my BAG is lost",
        "where is the crew?",
    ]
    assert say(store, 0, storm, quarter=2).voices.negative == 2
    assert say(store, 4, storm, quarter=1).voices.negative == 2
    assert say(store, 8, storm).voices.negative == 2  # it never ceased to come
    assert say(store, 12, storm, watch="other").voices.negative == 2
    volume = store.window(QUARTER_S * 1000, 7000).volume(("acme", ""))
    assert (volume.tweets.negative, volume.texts.negative, volume.voices.negative) == (12, 2, 2)
    past = store.baseline(QUARTER_S * 1000 + 120_000, window_s=60, baseline_s=7200).volume(("acme", ""))
    assert (past.texts.negative, past.voices.negative) == (2, 2)
    hour = QUARTER_S // 3600 * 3600
    (hours,) = store.hours(QUARTER_S * 1000, [(hour - 7200, hour + 3600)])
    assert hours.volume(("acme", "")).texts.negative == 2


def test_a_text_is_forgotten_after_two_periods_without_it(store: CounterStore) -> None:
    assert say(store, 0, ["my bag is lost"], quarter=4).texts.negative == 1
    assert say(store, 1, ["hello there"], quarter=3).texts.negative == 2
    assert say(store, 2, ["my bag is lost"], quarter=2).texts.negative == 3
    assert say(store, 3, ["my bag is lost"], quarter=100).texts.negative == 3  # outside the window
    assert store.baseline(QUARTER_S * 1000, window_s=60, baseline_s=150_000).volume(("acme", "")).texts.negative == 4


def test_one_author_is_one_voice_in_all_partitions_whatever_the_words(store: CounterStore) -> None:
    for partition in range(32):
        volume = say(
            store,
            0,
            [f"lost {LETTERS[partition % 26]}{partition // 26 * 'z'}"] * 10,
            authors=[7] * 10,
            partition=partition,
        )
    assert (volume.tweets.negative, volume.texts.negative, volume.voices.negative) == (320, 32, 1)


def test_one_text_of_many_authors_is_many_voices(store: CounterStore) -> None:
    for partition in range(4):
        authors = list(range(1 + 50 * partition, 51 + 50 * partition))
        volume = say(store, 0, ["worst airline ever"] * 50, authors=authors, partition=partition, reach=10)
    assert (volume.texts.negative, volume.voices.negative, volume.reach) == (1, 200, 2000)


def test_followers_count_for_the_themes_that_something_negative_is_felt_about(store: CounterStore) -> None:
    for offset, (own, baggage, crew) in enumerate(
        [("negative", "negative", "positive"), ("positive", "positive", "negative")]
    ):
        at_s = QUARTER_S
        cells = tuple(
            Cell(at_s, "acme", theme, felt) for theme, felt in (("", own), ("baggage", baggage), ("crew", crew))
        )
        whose, reach = np.array([7 + offset], np.uint64), np.array([10 + offset], np.int64)
        store.add(
            topic_id="t1",
            partition=0,
            expected=offset,
            end=offset + 1,
            buckets=dict.fromkeys(cells, 1),
            minutes=dict.fromkeys(cells, 1),
            samples=[],
            voices=[VoiceGroup("acme", cells, cells, digests([f"text {own}"]), whose, reach, np.ones(1, np.bool_))],
        )
    window = store.window(QUARTER_S * 1000, 7000)
    assert [window.volume(("acme", theme)).reach for theme in ("", "baggage", "crew")] == [10, 10, 11]
    assert window.volume(("acme", "crew")).voices == Counts(1, 0, 1)


def test_who_complains_and_praises_is_a_voice_of_each_kind(store: CounterStore) -> None:
    say(store, 0, ["where is my bag?", "no answer"], authors=[7, 7], sentiment="neutral", reach=5)
    volume = say(store, 2, ["lost for good", "never again"], authors=[7, 7], reach=5)
    assert volume.voices == Counts(1, 1, 0)
    assert (volume.texts, volume.reach) == (Counts(2, 2, 0), 5)


def test_unknown_authors_are_as_many_voices_as_texts(store: CounterStore) -> None:
    volume = say(store, 0, ["lost a", "lost a", "lost b", "lost c"], authors=[1, 2, 0, 0])
    assert (volume.texts.negative, volume.voices.negative) == (3, 4)


def test_distinct_voices_do_not_depend_on_the_order_of_partitions(store: CounterStore, settings: Settings) -> None:
    source = np.random.default_rng(3)
    batches = [source.integers(1, 400, 50).tolist() for _ in range(16)]
    totals = []
    for topic, order in enumerate((range(16), reversed(range(16)), source.permutation(16).tolist())):
        settings = settings.model_copy(update={"redis": settings.redis.model_copy(update={"prefix": f"order{topic}"})})
        counted = CounterStore(connect(settings), settings)
        for batch in order:
            authors = batches[batch]
            volume = say(
                counted, 0, [f"text {one}" for one in authors], authors=authors, partition=batch, quarter=batch % 2
            )
        totals.append(volume.voices.negative)
        client = connect(settings)
        client.delete(*client.keys(f"order{topic}*"))
    assert len(set(totals)) == 1
    assert totals[0] == len({author for batch in batches for author in batch})


def test_a_batch_that_is_sent_again_adds_no_voice(store: CounterStore) -> None:
    for _ in range(3):
        volume = say(store, 0, ["lost", "gone"], authors=[1, 2])
    assert (volume.tweets.negative, volume.voices.negative) == (2, 2)


def test_the_table_of_voices_is_bounded_and_its_error_is_the_stated_one(
    store: CounterStore, settings: Settings
) -> None:
    source = np.random.default_rng(5)
    number, size = 120_000, 20_000
    authors = source.integers(1, 2**63, number, np.uint64)
    for first in range(0, number, size):
        some = authors[first : first + size]
        volume = say(store, first, [""] * size, authors=some.tolist())
    assert volume.voices.negative >= 0.998 * number
    again = say(store, number, [""] * size, authors=authors[:size].tolist()).voices.negative - volume.voices.negative
    forgotten = 1 - np.exp(-(number - size / 2) / SLOTS)
    assert abs(again / size - forgotten) < 0.01
    client = connect(settings)
    assert client.strlen(f"{settings.redis.prefix}:{{counts2:t1}}:heard") <= SLOTS * SLOT_BITS // 8


def test_thousands_of_texts_are_told_apart(store: CounterStore) -> None:
    texts = [f"complaint {letter}{other}{third}" for letter in LETTERS for other in LETTERS for third in "xyzabc"]
    assert len(texts) > 4000
    assert say(store, 0, texts).texts.negative >= 0.998 * len(texts)


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


def test_of_what_the_model_is_not_sure_of_an_author_counts_with_a_new_text_only(store: CounterStore) -> None:
    viral = ["what a day"] * 40
    volume = say(store, 0, viral, authors=range(1, 41), reach=10, sure=False)
    assert (volume.tweets.negative, volume.texts.negative, volume.voices.negative, volume.reach) == (40, 1, 1, 10)
    assert say(store, 40, viral, authors=range(41, 81), sure=False).voices.negative == 1
    own = [f"lost {letter}" for letter in LETTERS]
    assert say(store, 80, own, authors=range(100, 126), sure=False).voices.negative == 27
    assert say(store, 106, [f"late {letter}" for letter in LETTERS], authors=[9] * 26, sure=False).voices.negative == 27
    assert say(store, 132, ["where is it"] * 3, authors=[0] * 3, sure=False).voices.negative == 28


def test_those_who_pass_on_what_the_model_is_sure_of_are_voices_of_their_own(store: CounterStore) -> None:
    say(store, 0, ["my bag is lost"], authors=[1], sure=False)
    assert say(store, 1, ["my bag is lost"] * 40, authors=range(2, 42)).voices.negative == 41
