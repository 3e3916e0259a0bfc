from __future__ import annotations

import json

from contracts.events import decode_tweet
from contracts.settings import Settings, WorkerSettings
from contracts.topics import FOR_EVER
from contracts.tweet_objects.fields import author_name
from learning.privacy.in_redis import ERASED, without_texts
from learning.privacy.register import FOREVER, holdings, span
from learning.privacy.subject import Subject

TEXT = "@user they lost my bag again"


def test_a_text_is_erased_from_json_within_json_and_from_longer_ones() -> None:
    inner = json.dumps({"annotations": {"sample_1": TEXT, "summary": f"said: “{TEXT}”"}})
    value = json.dumps({"body": inner, "sample_1": TEXT, "n": 3})
    cleaned = json.loads(without_texts(value, {TEXT}))
    cleaned["body"] = json.loads(cleaned["body"])
    assert cleaned == {
        "body": {"annotations": {"sample_1": ERASED, "summary": f"said: “{ERASED}”"}},
        "sample_1": ERASED,
        "n": 3,
    }


def test_what_is_cut_off_is_erased_and_a_short_text_leaves_others_alone() -> None:
    long = "word " * 100
    assert json.loads(without_texts(json.dumps([long[:279] + "…"]), {long.strip()})) == [ERASED]
    other = json.dumps({"summary": "look, a negative one", "sample_1": "negative"})
    assert json.loads(without_texts(other, {"negative"})) == {"summary": "look, a negative one", "sample_1": ERASED}
    untouched = '{ "a" :  "b" }'
    assert without_texts(untouched, {TEXT}) is untouched
    assert without_texts("no JSON", {TEXT}) == "no JSON"


def test_a_text_that_begins_as_json_does_ends_nothing() -> None:
    deep = "[" * 9_000
    assert without_texts(deep, {TEXT}) == deep
    assert json.loads(without_texts(json.dumps({"kept": deep, "gone": TEXT}), {TEXT})) == {"kept": deep, "gone": ERASED}


def test_an_author_is_found_by_id_and_by_hash() -> None:
    subject = Subject.of([], ["77"], "key")
    assert subject.is_of("1", author="77")
    assert subject.is_of("1", author=next(iter(subject.author_hashes)))
    assert not subject.is_of("1", author="7")
    assert subject.author_hashes != Subject.of([], ["77"], "other").author_hashes


def test_an_author_is_found_by_user_name_however_it_is_written() -> None:
    subject = Subject.of([], ["Ann"], "key")
    tweet = decode_tweet(b'{"id":"1","text":"a","username":"@aNN"}')
    assert subject.is_of("1", author=str(tweet.author_id))
    assert subject.is_of("1", author="Ann")
    assert subject.pieces().count(b"ann") == 1
    assert not Subject.of([], ["77"], "key").is_of("1", author=author_name("77"))
    assert Subject.of([], ["@77"], "key").is_of("1", author=author_name("77"))


def test_spans_are_said_in_whole_units() -> None:
    assert [span(one) for one in (86_400, 7 * 86_400, 5400, 1.5)] == ["1 day", "7 days", "90 minutes", "1.5 seconds"]


def test_the_register_follows_the_settings() -> None:
    settings = Settings(worker=WorkerSettings(text="none"))
    rows = {row.what: row for row in holdings(settings)}
    assert "no text" in rows["predictions"].holds
    assert rows["texts for review"].kept == span(settings.learning.review_keep_s)
    forever = {topic.name for topic in settings.kafka.topics.all() if topic.retention_ms == FOR_EVER}
    assert {row.where for row in rows.values() if row.kept == FOREVER and row.where.startswith("topic")} == {
        f"topic `{name}`" for name in forever
    }


def test_every_topic_is_in_the_register() -> None:
    settings = Settings()
    where = " ".join(row.where for row in holdings(settings))
    assert all(f"`{topic.name}`" in where for topic in settings.kafka.topics.all())
