from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alerts.counters.counts import VoiceGroup
from contracts.errors import InvalidRecord
from contracts.events import ModelRef, Prediction, Scores
from contracts.settings import AlertSettings
from contracts.times import to_rfc3339
from stream.codecs.prediction_decoder import ScoredReader, read_one
from stream.codecs.prediction_decoder_kernel import read_events
from stream.counting.tally import MAX_SAMPLES, Tally, tally_columns
from tests.oracles.tally import tally

SETTINGS = AlertSettings()
NOW = 1_790_000_040_000
_encode = msgspec.json.Encoder().encode


def written(**other: Any) -> bytes:
    """An event as `stream.codecs.prediction_encoder` writes it."""
    event: dict[str, Any] = {
        "tweet_id": "1",
        "prediction_id": "6e90dc51-5104-5586-8a51-d54342f4ac60",
        "sentiment": "negative",
        "confidence": 0.9185,
        "scores": {"negative": 0.9185, "neutral": 0.0404, "positive": 0.0411},
        "watches": ["air-paradis"],
        "themes": ["baggage"],
        "model": {"name": "sentiment", "version": "1"},
        "text": "my bag is lost",
        "lang": "en",
        "created_at": to_rfc3339(NOW),
        "scored_at": to_rfc3339(NOW),
    }
    marks = {name: other.pop(name) for name in ("reliable", "tier", "theme_sentiments") if name in other}
    event |= other
    before = {name: event[name] for name in list(event)[:8]}
    return _encode(before | marks | {name: event[name] for name in list(event)[8:]})


def both(values: Sequence[bytes | None], stamps: list[int], reader: ScoredReader | None = None) -> tuple[Tally, Tally]:
    """The tally of the compiled walk and that of the definition; they must skip the same values."""
    skipped: list[int] = []
    columns = (reader or ScoredReader()).read(values, stamps, lambda row, _: skipped.append(row))
    plain: list[tuple[Prediction, int]] = []
    wrong: list[int] = []
    for row, value in enumerate(values):
        try:
            plain.append((read_one(value)[0], stamps[row]))
        except InvalidRecord:
            wrong.append(row)
    assert skipped == wrong
    return tally_columns(columns, SETTINGS, NOW), tally(plain, SETTINGS, NOW)


def require_same(one: Tally, other: Tally) -> None:
    assert one.minutes == other.minutes
    assert one.buckets == other.buckets
    assert one.answers == other.answers
    assert one.samples == other.samples
    assert [voices_of(group) for group in one.voices] == [voices_of(group) for group in other.voices]


def voices_of(group: VoiceGroup) -> tuple[object, ...]:
    return *group[:3], group.texts.tolist(), group.authors.tolist(), group.reach.tolist(), group.sure.tolist()


_shares = st.integers(0, 10_000).map(lambda share: share / 10_000)
_names = st.lists(st.sampled_from(["a", "b", "c", "é", 'q"', "x,y]"]), max_size=3)
_texts = st.one_of(
    st.none(), st.text(max_size=40), st.sampled_from(["lost", "Lost!", "a\nb", '"', "\\", "\x01", "é 😡"])
)
_moments = st.one_of(
    st.integers(-700_000, 700_000).map(lambda by: to_rfc3339(NOW + by)),
    st.sampled_from(["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "2024-02-29T00:00:00.000Z"]),
    st.sampled_from(["2026-02-29T00:00:00.000Z", "2026-11-20T24:00:00.000Z", "2026-11-20T10:00:00+02:00", "soon", ""]),
)
_fields = st.fixed_dictionaries(
    {},
    optional={
        "tweet_id": st.sampled_from(["1", "2", "", "é", '"']),
        "prediction_id": st.sampled_from(["p", "q", "", "é"]),
        "sentiment": st.sampled_from(["negative", "neutral", "positive", "Negative", "no"]),
        "confidence": st.one_of(_shares, st.floats(-2, 2), st.just(1)),
        "scores": st.one_of(_shares.map(lambda one: {"negative": one, "neutral": 0.0, "positive": 1.0}), st.just({})),
        "watches": _names,
        "themes": _names,
        "model": st.sampled_from(["1", "2", "é"]).map(lambda version: {"name": "m", "version": version}),
        "text": _texts,
        "lang": st.sampled_from([None, "fr", "é"]),
        "created_at": _moments,
        "reliable": st.sampled_from([True, False, None]),
        "tier": st.sampled_from(["linear", "deep", "other", None]),
        "theme_sentiments": st.none()
        | st.dictionaries(st.sampled_from(["a", "b", "é"]), st.sampled_from(["negative", "positive", "neutral", "no"])),
        "author": st.sampled_from(["00000000000000ff", "0000000000000000", "00000000000000FF", "ab", "", "é", None, 7]),
        "reach": st.sampled_from([0, 7, 123_456, 10**14, 10**20, -1, 1.0, "7", None]),
        "other": st.just(1),
    },
)


@st.composite
def values(draw: st.DrawFn) -> bytes | None:
    value = written(**draw(_fields))
    kind = draw(st.sampled_from(["ours"] * 6 + ["spaced", "sorted", "cut", "broken", "none"]))
    if kind == "spaced":
        return json.dumps(json.loads(value), ensure_ascii=draw(st.booleans())).encode()
    if kind == "sorted":
        return json.dumps(json.loads(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    if kind == "cut":
        return value[: draw(st.integers(0, len(value)))]
    if kind == "broken":
        at = draw(st.integers(0, len(value) - 1))
        return value[:at] + draw(st.binary(max_size=2)) + value[at + 1 :]
    return None if kind == "none" else value


_records = st.lists(st.tuples(values(), st.integers(-600_000, 600_000).map(lambda by: NOW + by)), max_size=30)


@settings(max_examples=50, deadline=None)  # the first call compiles
@given(_records)
@example([(written(), -1)])
@example([(written(), 2**62)])
@example([(written(created_at="2026-11-20T24:00:00.000Z"), NOW)])
def test_the_compiled_walk_counts_what_the_definition_counts(records: list[tuple[bytes | None, int]]) -> None:
    require_same(*both([value for value, _ in records], [stamp for _, stamp in records]))


@pytest.mark.parametrize(
    "value",
    [
        written(),
        written(text=None, lang=None),
        written(text='a "quoted" \\ word\nand é 😡'),
        written(watches=[], themes=[]),
        written(reliable=False, tier="deep", sentiment="neutral", confidence=1.0),
        written(theme_sentiments={"baggage": "positive"}),
        written(author="0123456789abcdef"),
        written(author="0123456789abcdef", reach=0),
        written(reach=1_234_567),
    ],
)
def test_the_walk_is_sure_of_what_the_score_role_writes(value: bytes) -> None:
    found: list[int] = []
    columns = ScoredReader().read([value], [NOW], lambda row, _: found.append(row))
    part_of = np.zeros(1, np.int64)
    sentiments, shares, created = (np.zeros(1, np.int64) for _ in range(3))
    data, ends = np.frombuffer(value, np.uint8), np.array([len(value)])
    whose = np.zeros(1, np.bool_), np.zeros(1, np.uint64), np.zeros(1, np.int64)
    read_events(data, ends, (sentiments, shares, created, part_of, *whose))
    assert part_of.tolist() == [0]
    assert len(columns.values) == 1
    assert not found


def test_a_value_of_somebody_else_counts_like_one_of_ours() -> None:
    foreign = json.dumps(json.loads(written()), indent=1, sort_keys=True).encode()
    ours, _ = both([written()] * 2, [NOW] * 2)
    mixed, plain = both([foreign, written()], [NOW] * 2)
    require_same(mixed, plain)
    require_same(mixed, ours)


def test_a_field_that_comes_twice_counts_as_the_definition_has_it() -> None:
    twice = written().replace(b'"model":', b'"sentiment":"positive","watches":[],"model":')
    compiled, plain = both([twice], [NOW])
    require_same(compiled, plain)
    assert {cell.sentiment for cell in compiled.minutes} == {"positive"}


def test_a_date_that_is_none_is_skipped_and_stops_nothing() -> None:
    compiled, plain = both([written(created_at="yesterday"), written()], [NOW] * 2)
    require_same(compiled, plain)
    assert sum(size for cell, size in compiled.minutes.items() if (cell.watch, cell.theme) == ("", "")) == 1


def test_a_theme_counts_with_what_is_felt_about_it_and_a_watch_with_what_the_tweet_says() -> None:
    themes = {"themes": ["baggage", "crew", "food"]}
    felt = {"crew": "positive", "baggage": "negative", "price": "positive"}  # nothing of food; price is no theme of it
    compiled, plain = both([written(**themes, theme_sentiments=felt), written(**themes)], [NOW] * 2)
    require_same(compiled, plain)
    of_watch = {cell[2:]: number for cell, number in compiled.minutes.items() if cell.watch == "air-paradis"}
    assert of_watch == {
        ("", "negative"): 2,
        ("baggage", "negative"): 2,
        ("crew", "positive"): 1,
        ("crew", "negative"): 1,
        ("food", "negative"): 2,
    }
    assert [cell[2:] for cell in compiled.voices[0].minutes] == [
        ("", "negative"),
        ("baggage", "negative"),
        ("crew", "positive"),
        ("food", "negative"),
    ]
    assert [sample.themes for sample in compiled.samples] == [("baggage", "food"), ("baggage", "crew", "food")]


def test_only_the_newest_negative_tweets_of_a_watch_are_kept_however_many_topics_it_has() -> None:
    many = [written(tweet_id=str(one), themes=["t" * (1 + one % 3)]) for one in range(4 * MAX_SAMPLES)]
    compiled, plain = both(many, [NOW] * len(many))
    require_same(compiled, plain)
    assert [sample.tweet_id for sample in compiled.samples] == [
        str(one) for one in range(3 * MAX_SAMPLES, 4 * MAX_SAMPLES)
    ]


def test_what_a_reader_remembers_changes_no_later_batch() -> None:
    reader = ScoredReader()
    both([written(), written(model={"name": "m", "version": "2"})], [NOW] * 2, reader)
    require_same(*both([written(watches=["b"]), written()], [NOW] * 2, reader))


def test_the_events_of_the_tests_are_the_definitions() -> None:
    prediction = read_one(written())[0]
    assert prediction.scores == Scores(0.9185, 0.0404, 0.0411)
    assert prediction.model == ModelRef("sentiment", "1")
