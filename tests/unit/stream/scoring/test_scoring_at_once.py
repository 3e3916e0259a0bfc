"""The compiled way of a batch against the plain one, which is the definition."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bench.stage.tweets import tweets
from contracts.events import MAX_TEXT, ModelRef, decode_fields, decode_prediction
from contracts.times import to_rfc3339
from models.linear.model import HashedModel
from models.registry.champion import LoadedModel
from stream.codecs import tweet_decoder as tweet_reading
from stream.codecs.tweet_decoder import read_batch
from stream.kafka.records import OutRecord, RecordBatch
from stream.scoring.scorer import Scorer
from tests.fakes_kafka import FakeRecord
from tests.oracles.scoring import scored
from tests.unit.models.hashed_samples import HOSTILE, random_weights
from tests.unit.stream.scoring.test_scorer import ANNOTATOR, NOW_MS, SENT_MS

LOADED = LoadedModel.of(ModelRef("sentiment", "7"), HashedModel(random_weights(), {}))


_DATES = [
    "2026-11-20T10:00:00Z",
    "2026-11-20T10:00:00.123Z",
    "2026-11-20T10:00:00.123456Z",
    "2026-11-20T10:00:00+05:30",
    "2024-02-29T23:59:59Z",
    "2026-02-29T00:00:00Z",
    "2000-02-29T00:00:00Z",
    "1900-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-12-31T24:00:00Z",
    "2026-12-31T23:59:60Z",
    "0000-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "0001-01-01T00:00:00+14:00",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00.250Z",
    "1970-01-01T00:00:01Z",
    "2026-11-20t10:00:00z",
    "2026-11-20 10:00:00Z",
    "2026-11-20T10:00:00",
    "2026-13-01T00:00:00Z",
    "2026-1-01T00:00:00Z",
    "",
    "yesterday",
    "20é6",
]
_TEXTS = [
    *HOSTILE[:12],
    "@bob a http://t.co/x",
    "cafe\u0301",
    "\u1100\u1161",
    "\u212b",
    "\ufb1d",
    "\U0001d15e",
    "\u0958",
    "ok\u0000ok",
    "x" * MAX_TEXT,
    "é" * MAX_TEXT,
    "😡" * (MAX_TEXT + 1),
    " \u2003 ",
    "\x7f",
    "\x00",
    "06 12 34 56 78",
    "late bag @AirParadis",
    'a"b\\c/d\b\f\n\r\t\u0001',
    "\u0085x",
    "…",
]
_text = st.text() | st.sampled_from(_TEXTS)
_number = st.integers() | st.sampled_from([0, -1, 10**17, 10**18, 10**300, 1.5, 1e3, True, None])
_id = _number | st.text(max_size=5) | st.sampled_from(["1465", "é" * 256, "x" * 256, "x" * 257, "\0", 'a"\\'])
_fields = st.fixed_dictionaries(
    {"id": _id, "text": _text | st.none()},
    optional={
        "created_at": st.sampled_from([*_DATES, None, 5]),
        "author_id": _id,
        "reach": st.sampled_from([0, 12, -1, 10**17, 10**18, 1.5, "7", True, None]),
        "author": st.sampled_from([None, 7, "a"]),
        "lang": st.sampled_from(["en", "", "é" * 35, "x" * 36, None, 3, 'e"n']),
        "source": st.sampled_from(["web", "\n", 3, 1.5, -1, True, None, [1], {"id": 3}]),
        "é": st.just(1),
    },
)
_values = st.one_of(
    st.builds(
        lambda *drawn: _written(*drawn),
        _fields,
        st.booleans(),
        st.sampled_from([None, 1]),
        st.randoms(use_true_random=False),
    ),
    st.none(),
    st.sampled_from(
        [
            b"",
            b" ",
            b"{}",
            b"null",
            b"[1]",
            b'{"id":1,"text":"a"} ',
            b'{"id":1,"text":"a"}x',
            b'{"id":1,"text":"a",}',
            b'{"id":1,"text":"a"',
            b'{"id":01,"text":"a"}',
            b'{"id":1,"id":2,"text":"a"}',
            b'{"id":1,"text":"\\ud83d\\ude21"}',
            b'{"id":1,"text":"\\ud83d"}',
            b'{"id":1,"text":"\\ude21x"}',
            b'{"id":1,"text":"\xff"}',
            b'{"id":1,"text":"\xed\xa0\x80"}',
            b'{"id":1,"text":"\xc0\xaf"}',
            b'{"id":1,"text":"a\nb"}',
            b'{"id":1,"text":"\\x"}',
            b'{"id":1,"text":"\\u00e"}',
            b'\xef\xbb\xbf{"id":1,"text":"a"}',
            b'{"id":1e2,"text":"a"}',
            b'{"id":1.0,"text":"a"}',
            b'{"\\u0069d":1,"text":"a"}',
            b'{"id":1,"text":"a","lang":nul}',
            b'{"id":"1","text":"a","x":tru}',
            b"{'id':1}",
            b'{"id":1 "text":"a"}',
            b'{"id":1,"text":"a","author_id":""}',
            b'{"id":1,"text":"\\u0000a"}',
            b'{"id":1,"text":"\xf0\x9f\x98"}',
        ]
    ),
)


def _written(fields: dict[str, Any], is_ascii: bool, indent: int | None, rng: random.Random) -> bytes:
    value = json.dumps(fields, ensure_ascii=is_ascii, indent=indent).encode("utf-8", "surrogatepass")
    if rng.random() < 0.2 and value:
        at = rng.randrange(len(value))
        value = value[:at] + bytes([rng.randrange(256)]) + value[at + rng.randrange(2) :]
    return value


def _both(values: list[bytes | None], text: str) -> list[tuple[list[OutRecord], list[OutRecord]]]:
    records = [FakeRecord(value, offset=at, timestamp_ms=SENT_MS + at) for at, value in enumerate(values)]
    found = Scorer(ANNOTATOR, text).score(RecordBatch(records, 0, None), LOADED, NOW_MS)
    return [(list(found.predictions), found.dead_letters), scored(records, ANNOTATOR, LOADED, text, NOW_MS)]


@settings(max_examples=100, deadline=None)
@given(st.lists(_values, max_size=6), st.sampled_from(["masked", "raw", "none"]))
@example([b'{"id":1,"text":"a"}', b"x", '{"id":"é\\u0000","text":"cafe\u0301\\u0000"}'.encode()], "raw")
def test_a_batch_read_and_written_at_once_gives_the_bytes_of_its_tweets_one_by_one(
    values: list[bytes | None], text: str
) -> None:
    at_once, one_by_one = _both(values, text)
    assert at_once == one_by_one


_DATED = [
    (b'{"id":1,"text":"a"}', None),
    (b'{"id":1,"text":"a","created_at":"2026-11-10T10:00:00.250Z"}', 1_794_304_800_250),
    (b'{"id":1,"text":"a","created_at":"2026-11-10T11:00:00+01:00"}', 1_794_304_800_000),
    (b'{"id":1,"text":"a","created_at":"9999-12-31T23:59:59Z"}', None),
    (b'{"id":1,"text":"a","created_at":"1970-01-01T00:00:00Z"}', None),
]


@pytest.mark.parametrize("ms", [-(10**17), -1, 0, 1_790_000_000, 1_142_899_199_999, NOW_MS + 60_001, 10**17])
@pytest.mark.parametrize(("value", "own_ms"), _DATED)
def test_a_record_without_a_plausible_timestamp_was_sent_when_its_tweet_was_written_else_now(
    ms: int, value: bytes, own_ms: int | None
) -> None:
    came = RecordBatch([FakeRecord(value, timestamp_ms=ms), FakeRecord(value)], 0, None)
    predictions = Scorer(ANNOTATOR, "masked").score(came, LOADED, NOW_MS).predictions
    sent_ms = NOW_MS if own_ms is None else own_ms
    assert [record.timestamp_ms for record in predictions] == [sent_ms, 1_790_000_000_000]
    event = decode_prediction(predictions[0].value)
    if b"created_at" not in value:
        assert event.created_at == to_rfc3339(NOW_MS)
    elif own_ms is not None:
        assert event.created_at == to_rfc3339(own_ms)


@pytest.mark.parametrize("ms", [1_142_899_200_000, 1_790_000_000_123, NOW_MS + 60_000])
def test_a_tweet_without_a_date_gets_that_of_its_record(ms: int) -> None:
    columns, _ = read_batch([FakeRecord(b'{"id":1,"text":"a"}', timestamp_ms=ms)], NOW_MS)
    assert columns is not None
    assert columns.instants[0].tobytes().decode() == to_rfc3339(ms)


def test_many_tweets_give_the_same_bytes_at_once_and_one_by_one() -> None:
    at_once, one_by_one = _both([value for _, value in tweets(3000)], "masked")
    assert at_once == one_by_one
    assert len(at_once[0]) == 3000


def test_only_what_the_walk_is_not_sure_of_is_read_by_other_means(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bytes | None] = []

    def noted(value: bytes | None) -> Any:
        read.append(value)
        return decode_fields(value)

    monkeypatch.setattr(tweet_reading, "decode_fields", noted)
    odd = b'{"id":1,"text":"a","created_at":"2026-11-20T10:00:00+01:00"}'
    columns, wrong = read_batch(
        [FakeRecord(value) for value in [*[value for _, value in tweets(500)], odd, b"junk"]], NOW_MS
    )
    assert read == [odd, b"junk"]
    assert columns is not None
    assert columns.rows == list(range(501))
    assert [row for row, _ in wrong] == [501]


def test_what_the_walk_has_not_written_is_no_date_of_a_record_without_timestamp() -> None:
    odd = b'{"id":1,"text":"a","created_at":"Tue Nov 10 09:00:00 +0000 2026"}'
    values = [odd, b'{"id":2,"text":"a","created_at":"2026-11-10T10:00:00Z"}', b"junk"]
    for _ in range(5):
        used = [(np.full((3, 24), 7, np.uint8), np.ones((3, 3), np.bool_)) for _ in range(5)]
        del used  # numpy hands such memory out again as it is
        columns, wrong = read_batch([FakeRecord(value, timestamp_ms=-1) for value in values], NOW_MS)
        assert columns is not None
        assert columns.timestamps.tolist() == [1_794_301_200_000, 1_794_304_800_000]
        assert [row for row, _ in wrong] == [2]


def test_author_and_reach_travel_as_columns() -> None:
    values = [
        b'{"id":"1","text":"a","author_id":"77","reach":1200}',
        b'{"id":"2","text":"a","author_id":78}',
        b'{"id":"3","text":"a","author_id":null,"reach":null}',
        b'{"id":"4","text":"a","author_id":"caf\\u00e9","reach":0,"created_at":"2026-11-20T10:00:00+01:00"}',
    ]
    columns, wrong = read_batch([FakeRecord(value) for value in values], NOW_MS)
    assert columns is not None
    assert not wrong
    assert columns.authors.strings() == ["77", "78", "", "café"]
    assert columns.has_author.tolist() == [True, True, False, True]
    assert columns.reach.tolist() == [1200, -1, -1, 0]
