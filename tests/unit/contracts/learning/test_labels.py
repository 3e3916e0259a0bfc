from __future__ import annotations

import json
import uuid

import pytest

from contracts.errors import InvalidRecord, UnreadableRecord
from contracts.learning.labels import InvalidLabel, decode_label, is_judge_hash, judge_hash, label_id_of, with_a_time

JUDGEMENT = {
    "label_id": str(uuid.UUID(int=1)),
    "kind": "judgement",
    "created_at": "2026-11-20T10:00:00Z",
    "tweet_id": "1465",
    "label": "negative",
    "text": "@user lost my bag",
    "source": "review",
}


def test_a_judgement_is_read_and_keyed_by_its_tweet() -> None:
    event = decode_label(json.dumps(JUDGEMENT | {"new_field": 1}).encode())
    assert (event.label, event.source, event.key, event.blind) == ("negative", "review", "1465", False)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"label": "angry"}, "label"),
        ({"label": None}, "either a label"),
        ({"rejected": "positive"}, "either a label"),
        ({"source": None}, "names its source"),
        ({"tweet_id": None}, "names a tweet_id or a prediction_id"),
        ({"kind": "erasure", "tweet_id": None}, "names a tweet_id"),
        ({"kind": "retraction"}, "or a judge"),
        ({"kind": "guess"}, "kind"),
        ({"judge": "alice"}, "judge"),
        ({"created_at": "yesterday"}, "created_at"),
        ({"created_at": "2026-11-20T10:00:00"}, "created_at"),
    ],
)
def test_what_says_too_little_is_refused_and_named(changed: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidLabel, match=said):
        decode_label(json.dumps(JUDGEMENT | changed).encode())


@pytest.mark.parametrize("value", [None, b"", b"\xff", b"{", b"[" * 100_000])
def test_what_is_no_json_is_refused(value: bytes | None) -> None:
    with pytest.raises(InvalidRecord):
        decode_label(value)
    if value is not None and value != b"[" * 100_000:
        with pytest.raises(UnreadableRecord):
            decode_label(value)


def test_a_label_that_cannot_have_been_received_then_counts_nowhere() -> None:
    for at in ("0001-01-01T00:00:00+14:00", "1999-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00"):
        event = decode_label(json.dumps(JUDGEMENT | {"created_at": at}).encode())
        with pytest.raises(InvalidLabel, match="before 2006 or after tomorrow"):
            with_a_time(event)
    event = decode_label(json.dumps(JUDGEMENT).encode())
    assert with_a_time(event) is event


def test_a_judge_is_a_hash_that_only_the_secret_can_make() -> None:
    assert judge_hash("alice", "a") == judge_hash("alice", "a")
    assert len({judge_hash("alice", "a"), judge_hash("alice", "b"), judge_hash("bob", "a")}) == 3
    assert is_judge_hash(judge_hash("\ud800", ""))
    assert not is_judge_hash("alice")


def test_a_label_made_of_the_same_thing_has_the_same_id() -> None:
    assert label_id_of("feedback/1") == label_id_of("feedback/1") != label_id_of("feedback/2")
