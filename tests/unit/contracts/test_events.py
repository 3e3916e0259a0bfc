from __future__ import annotations

import contextlib
import json
import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InvalidFeedback, InvalidRecord, InvalidTweet, UnreadableRecord
from contracts.events import MAX_TEXT, decode_feedback, decode_prediction, decode_tweet, prediction_id

FEEDBACK = {
    "feedback_id": "6ff0e7a2-6d53-4a5c-9a57-b7d4f1b3a001",
    "prediction_id": "8f2c16f4-90f5-5b06-8f2c-16f490f55b06",
    "predicted": "negative",
    "correct": False,
    "expected": "positive",
    "model_version": "7",
}


def test_an_x_api_v2_object_is_a_tweet() -> None:
    tweet = decode_tweet(
        b'{"id": "1465", "text": "a", "created_at": "2026-11-20T10:00:00.000Z", "author_id": "77", "lang": "en",'
        b' "public_metrics": {"like_count": 3}, "edit_history_tweet_ids": ["1465"]}'
    )
    assert (tweet.id, tweet.text, tweet.author_id, tweet.lang) == ("1465", "a", "77", "en")
    assert tweet.created_at_ms == 1_795_168_800_000


@pytest.mark.parametrize(
    ("written", "milliseconds"),
    [
        ("2026-11-20T10:00:00", 1_795_168_800_000),
        ("2026-11-20T12:00:00+02:00", 1_795_168_800_000),
        ("0001-01-01T00:00:00+05:00", None),
        ("9999-12-31T23:59:59-05:00", 253_402_318_799_000),
    ],
)
def test_a_date_without_offset_is_utc_and_no_offset_overflows(written: str, milliseconds: int | None) -> None:
    assert (
        decode_tweet(json.dumps({"id": 1, "text": "a", "created_at": written}).encode()).created_at_ms == milliseconds
    )


def test_the_limit_of_the_text_is_counted_in_nfc() -> None:
    decomposed = "e\u0301" * MAX_TEXT
    assert len(decode_tweet(json.dumps({"id": 1, "text": decomposed}).encode()).text) == MAX_TEXT
    with pytest.raises(InvalidTweet, match="10,001 code points"):
        decode_tweet(json.dumps({"id": 1, "text": "x" * (MAX_TEXT + 1)}).encode())


@pytest.mark.parametrize("text", ["a\0b", "😡😡😡", "\u202e", "x" * MAX_TEXT])
def test_odd_texts_are_tweets(text: str) -> None:
    assert decode_tweet(json.dumps({"id": 1, "text": text}).encode()).text == text


@pytest.mark.parametrize(
    "value",
    [
        None, b"", b"{", b"[]", b'"a"', b"3", b"null", b"\xff\xfe", b'{"id": 1, "text": "\xff"}', b"[" * 100_000,
        b'{"id": 1, "text": "\\ud800"}', b'{"id": 1, "text": "\\udc00 a"}', b'{"id": 1, "text": "a"} trailing',
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_unreadable(value: bytes | None) -> None:
    with pytest.raises(UnreadableRecord) as raised:
        decode_tweet(value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "a"}, {"id": 1}, {"id": 1, "text": ""}, {"id": 1, "text": " \n\t"}, {"id": 1, "text": None},
        {"id": 1, "text": 3}, {"id": True, "text": "a"}, {"id": 1.5, "text": "a"}, {"id": "", "text": "a"},
        {"id": None, "text": "a"}, {"id": "x" * 257, "text": "a"}, {"id": 1, "text": "a", "created_at": "yesterday"},
        {"id": 1, "text": "a", "created_at": True}, {"id": 1, "text": "a", "created_at": 12345},
    ],
)  # fmt: skip
def test_an_object_that_is_no_tweet_says_which_field(fields: dict[str, object]) -> None:
    with pytest.raises(InvalidTweet, match=r"not a tweet: .*(id|text|created_at)"):
        decode_tweet(json.dumps(fields).encode())


NESTED = b'{"other": ' + b"[" * 5000 + b"]" * 5000 + b"}"


@pytest.mark.parametrize("value", [None, b"", b"{", b"\xff", b"{}", b'{"tweet_id": 1}', NESTED])
def test_what_is_no_prediction_is_unreadable(value: bytes | None) -> None:
    with pytest.raises(UnreadableRecord):
        decode_prediction(value)


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_become_a_tweet_or_an_invalid_record(value: bytes) -> None:
    for decode in (decode_tweet, decode_feedback, decode_prediction):
        with contextlib.suppress(InvalidRecord):
            decode(value)


def test_a_prediction_id_is_the_uuid5_that_others_compute_too() -> None:
    namespace = uuid.UUID("6c1f3f0e-8d0a-5d0c-9a57-6275707a7a77")
    assert prediction_id("sentiment", "7", "1465") == str(uuid.uuid5(namespace, "sentiment/7/1465"))


def test_feedback_with_optional_and_unknown_fields_is_read() -> None:
    feedback = decode_feedback(json.dumps(FEEDBACK | {"tweet_id": None, "note": "from the app"}).encode())
    assert (feedback.predicted, feedback.correct, feedback.expected) == ("negative", False, "positive")


@pytest.mark.parametrize(
    "written", ["Wed Oct 10 20:19:24 +0000 2018", 1539202764, "1539202764000", "2018-10-10T20:19:24Z"]
)
def test_the_date_of_feedback_is_read_as_that_of_a_tweet(written: object) -> None:
    feedback = decode_feedback(json.dumps(FEEDBACK | {"created_at": written}).encode())
    assert feedback.created_at == datetime(2018, 10, 10, 20, 19, 24, tzinfo=UTC)
    assert decode_feedback(json.dumps(FEEDBACK | {"created_at": ""}).encode()).created_at is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"predicted": "angry"}, "predicted"),
        ({"expected": "angry"}, "expected"),
        ({"prediction_id": "7"}, "prediction_id"),
        ({"feedback_id": "mine"}, "feedback_id"),
        ({"correct": "yes"}, "correct"),
        ({"correct": True}, "expected .positive. differs from predicted"),
        ({"expected": "negative"}, "correct is false"),
        ({"model_version": None}, "model_version"),
        ({"created_at": "yesterday"}, "created_at"),
    ],
)
def test_bad_feedback_is_refused_with_the_field(changes: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidFeedback, match=said) as raised:
        decode_feedback(json.dumps(FEEDBACK | changes).encode())
    assert "\n" not in str(raised.value)
