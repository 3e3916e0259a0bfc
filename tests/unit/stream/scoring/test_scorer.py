from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.events import MAX_TEXT, ModelRef, decode_prediction, prediction_id
from contracts.rules.schema import Rules, Theme, Watch
from models.annotator import Annotator
from models.registry.champion import LoadedModel
from models.text.masking import mask
from stream.dead_letters.record import error_class
from stream.kafka.records import OutRecord, RecordBatch, ScoredBatch
from stream.scoring.scorer import Scorer
from tests.fake_model import POISON, FakeModel, Stumbling
from tests.fakes_kafka import FakeRecord

RULES = Rules(
    watches=(Watch(name="air-paradis", match=("@airparadis",)),),
    themes=(Theme(name="baggage", match=("bag",)), Theme(name="delay", match=("late",))),
)
ANNOTATOR = Annotator(RULES)
NOW_MS = 1_795_000_000_123
SENT_MS = 1_790_000_000_000


def score(values: Sequence[bytes | None], text: str = "masked", model: Any = None, version: str = "7") -> ScoredBatch:
    loaded = LoadedModel.of(ModelRef("sentiment", version), model or FakeModel(), ("champion",))
    records = [FakeRecord(value, offset=offset, timestamp_ms=SENT_MS + offset) for offset, value in enumerate(values)]
    return Scorer(ANNOTATOR, text).score(RecordBatch(records, 0, None), loaded, NOW_MS)


def tweet(**fields: Any) -> bytes:
    return json.dumps({"id": "1465", "text": "fine"} | fields).encode()


def event_of(record: OutRecord) -> Any:
    decode_prediction(record.value)  # what our own readers do with it
    return json.loads(record.value or b"")


def test_an_event_says_everything_about_its_tweet() -> None:
    [record] = score(
        [tweet(text="@AirParadis bad bag, late http://t.co/x", created_at="2026-11-20T10:00:00Z", lang="en")]
    ).predictions
    assert event_of(record) == {
        "tweet_id": "1465",
        "prediction_id": prediction_id("sentiment", "7", "1465"),
        "sentiment": "negative",
        "confidence": 0.8,
        "scores": {"negative": 0.8, "neutral": 0.125, "positive": 0.075},
        "watches": ["air-paradis"],
        "themes": ["baggage", "delay"],
        "theme_sentiments": {"baggage": "negative", "delay": "negative"},
        "model": {"name": "sentiment", "version": "7"},
        "text": "@user bad bag, late <url>",
        "lang": "en",
        "created_at": "2026-11-20T10:00:00.000Z",
        "scored_at": "2026-11-18T11:06:40.123Z",
    }
    assert (record.key, record.timestamp_ms) == (b"1465", SENT_MS)


def test_an_event_is_dated_now_where_its_record_is_dated_far_ahead() -> None:
    records = [FakeRecord(tweet(), offset=0, timestamp_ms=stamp) for stamp in (SENT_MS, NOW_MS + 86_400_000)]
    loaded = LoadedModel.of(ModelRef("sentiment", "7"), FakeModel(), ("champion",))
    scored = Scorer(ANNOTATOR, "masked").score(RecordBatch(records, 0, None), loaded, NOW_MS)
    assert [record.timestamp_ms for record in scored.predictions] == [SENT_MS, NOW_MS]


def test_headers_are_those_of_a_cloud_event() -> None:
    [record] = score([tweet()]).predictions
    assert record.headers == [
        ("ce_specversion", b"1.0"),
        ("ce_id", prediction_id("sentiment", "7", "1465").encode()),
        ("ce_source", b"/buzzwatch/score"),
        ("ce_type", b"buzzwatch.tweet.scored.v1"),
        ("ce_time", b"2026-11-18T11:06:40.123Z"),
        ("content-type", b"application/json"),
    ]


def test_each_record_is_in_one_list_and_both_keep_the_order() -> None:
    values = [tweet(id=str(number)) if number % 3 else b"junk %d" % number for number in range(20)]
    scored = score(values)
    assert [record.key for record in scored.predictions] == [b"%d" % n for n in range(20) if n % 3]
    assert [letter.value for letter in scored.dead_letters] == [b"junk %d" % n for n in range(0, 20, 3)]
    assert [record.timestamp_ms for record in scored.predictions] == [SENT_MS + n for n in range(20) if n % 3]


def test_an_empty_batch_and_one_of_junk_alone_give_no_prediction() -> None:
    assert (score([]).predictions, score([]).dead_letters) == ([], [])
    assert score([b"junk", None]).predictions == []


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (None, "UnreadableRecord"),
        (b"", "UnreadableRecord"),
        (b"[1]", "UnreadableRecord"),
        (b'{"id": 1, "text": "\xff"}', "UnreadableRecord"),
        (b'{"id": 1, "text": "\\ud800"}', "UnreadableRecord"),
        (b'{"id": 1}', "InvalidTweet"),
        (b'{"id": "", "text": "a"}', "InvalidTweet"),
        (b'{"id": true, "text": "a"}', "InvalidTweet"),
        (b'{"id": 1, "text": "\\u2003 "}', "InvalidTweet"),
        (tweet(text="x" * (MAX_TEXT + 1)), "InvalidTweet"),
        (tweet(text="é" * (MAX_TEXT + 1)), "InvalidTweet"),
        (tweet(created_at="2026-02-30T10:00:00Z"), "InvalidTweet"),
        (tweet(created_at="yesterday"), "InvalidTweet"),
        (tweet(created_at=[]), "InvalidTweet"),
        (tweet(text=POISON), "ModelFailure"),
    ],
)
def test_what_is_no_tweet_goes_to_the_dead_letters_with_its_class(value: bytes | None, error: str) -> None:
    scored = score([tweet(id="a"), value, tweet(id="b")])
    assert [record.key for record in scored.predictions] == [b"a", b"b"]
    assert [(letter.value, error_class(letter)) for letter in scored.dead_letters] == [(value, error)]


def test_tweets_that_the_model_cannot_score_are_found_by_splitting() -> None:
    model = FakeModel()
    values = [tweet(id=str(n), text=POISON if n in (3, 4, 90) else "good") for n in range(100)]
    scored = score(values, model=model)
    assert [letter.value for letter in scored.dead_letters] == [values[3], values[4], values[90]]
    assert [event_of(record)["sentiment"] for record in scored.predictions] == ["positive"] * 97
    assert len(model.batches) < 50


def test_a_tweet_at_which_the_model_stumbles_once_is_no_dead_letter() -> None:
    scored = score([tweet(text="good")], model=Stumbling(FakeModel()))
    assert [event_of(record)["sentiment"] for record in scored.predictions] == ["positive"]
    assert scored.dead_letters == []


class _Panic(BaseException):
    """As pyo3's: a tokenizer in Rust that panics raises no Exception."""


def test_a_panic_of_the_models_native_code_is_found_by_splitting_too() -> None:
    class Panics(FakeModel):
        def predict_proba(self, texts: Sequence[str]) -> Any:
            try:
                return super().predict_proba(texts)
            except ValueError as error:
                raise _Panic(str(error)) from None

    scored = score([tweet(id="a"), tweet(text=POISON), tweet(id="b")], model=Panics())
    assert [record.key for record in scored.predictions] == [b"a", b"b"]
    assert [error_class(letter) for letter in scored.dead_letters] == ["ModelFailure"]


@pytest.mark.parametrize("cut", [lambda found: found[1:], lambda found: found[:, :2], lambda found: found.T])
def test_an_answer_of_another_shape_than_three_numbers_a_text_is_a_failure_of_the_model(cut: Any) -> None:
    class Wrong(FakeModel):
        def predict_proba(self, texts: Sequence[str]) -> Any:
            return cut(super().predict_proba(texts))

    scored = score([tweet(id=name) for name in "abcd"], model=Wrong())
    assert (scored.predictions, len(scored.dead_letters)) == ([], 4)


@pytest.mark.parametrize(
    ("said", "published"),
    [
        ("2026-11-20T10:00:00Z", "2026-11-20T10:00:00.000Z"),
        ("2026-11-20T10:00:00.9876543Z", "2026-11-20T10:00:00.987Z"),
        ("2026-11-20t10:00:00+00:00", "2026-11-20T10:00:00.000Z"),
        ("2026-11-20T10:00:00", "2026-11-20T10:00:00.000Z"),
        ("2026-11-20T10:00:00.5+05:30", "2026-11-20T04:30:00.500Z"),
        ("0009-01-01T00:00:00Z", "0009-01-01T00:00:00.000Z"),
        ("0001-01-01T00:00:00+05:00", "2026-09-21T14:13:20.000Z"),  # a zero: no date
        ("9999-12-31T23:59:59-05:00", "9999-12-31T23:59:59.999Z"),
        (None, "2026-09-21T14:13:20.000Z"),
    ],
)
def test_created_at_is_published_in_utc_with_milliseconds(said: str | None, published: str) -> None:
    [record] = score([tweet(created_at=said)]).predictions
    assert event_of(record)["created_at"] == published


@pytest.mark.parametrize(("text", "published"), [("masked", "@user a"), ("raw", "@bob a"), ("none", None)])
def test_the_text_is_masked_raw_or_left_out(text: str, published: str | None) -> None:
    [record] = score([tweet(text="@bob a")], text=text).predictions
    assert event_of(record)["text"] == published


def test_an_id_that_is_a_number_becomes_its_digits() -> None:
    [record] = score([tweet(id=10**30)]).predictions
    assert (event_of(record)["tweet_id"], record.key) == (str(10**30), b"1" + b"0" * 30)


def test_a_composed_text_is_published_in_nfc() -> None:
    [record] = score([tweet(text="cafe\u0301")]).predictions
    assert event_of(record)["text"] == "café"


def test_a_probability_is_rounded_to_four_digits() -> None:
    class Third(FakeModel):
        def predict_proba(self, texts: Sequence[str]) -> Any:
            import numpy as np

            return np.tile(np.array([0.33331, 0.33337, 0.33332], np.float32), (len(texts), 1))

    event = event_of(score([tweet()], model=Third()).predictions[0])
    assert event["scores"] == {"negative": 0.3333, "neutral": 0.3334, "positive": 0.3333}
    assert (event["sentiment"], event["confidence"]) == ("neutral", 0.3334)


# What a program that joins, escapes and splits strings could stumble over.
_HOSTILE = [
    '"',
    "\\",
    "\\u0000",
    "\0",
    "\x7f",
    "\x1f",
    "\n",
    '","',
    "é",
    "😡",
    "\u2028",
    "\ufdd0",
    "@bob",
    "/",
    "{",
    "a",
]
_strings = st.one_of(st.text(min_size=1), st.lists(st.sampled_from(_HOSTILE), min_size=1, max_size=8).map("".join))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_strings, _strings, st.none() | _strings), max_size=5))
def test_no_character_breaks_an_event_or_its_neighbours(tweets: list[tuple[str, str, str | None]]) -> None:
    import unicodedata

    tweets = [(i[:256], text, lang and lang[:35]) for i, text, lang in tweets if text.strip()]
    records = score([tweet(id=i, text=text, lang=lang) for i, text, lang in tweets]).predictions
    assert [
        (event["tweet_id"], event["text"], event["lang"], event["prediction_id"]) for event in map(event_of, records)
    ] == [
        (i, mask(unicodedata.normalize("NFC", text)), lang, prediction_id("sentiment", "7", i))
        for i, text, lang in tweets
    ]
    assert [record.key for record in records] == [i.encode() for i, _, _ in tweets]


def test_a_model_name_and_version_may_hold_any_character() -> None:
    [record] = score([tweet()], version='7"\\é').predictions
    assert event_of(record)["model"]["version"] == '7"\\é'
    assert event_of(record)["prediction_id"] == prediction_id("sentiment", '7"\\é', "1465")
