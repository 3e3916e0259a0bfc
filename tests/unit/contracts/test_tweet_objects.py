"""Objects as the networks write them: what becomes of their text, id, date, author and reach."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import InvalidRecord, InvalidTweet, UnreadableRecord
from contracts.events import decode_fields, decode_tweet
from contracts.times import to_rfc3339
from contracts.tweet_objects.dates import read_date
from contracts.tweet_objects.html_text import html_to_text
from contracts.tweet_objects.shapes import NEEDED
from stream.codecs.tweet_decoder import read_batch, read_values
from tests.fakes_kafka import FakeRecord

LONG = "@AirParadis two hours on the tarmac and not one word from the crew, and nobody has ever answered me"
CUT = "@AirParadis two hours on the tarmac and not one w…"
NOW_MS = 1_795_000_000_000
AT = "2018-10-10T20:19:24.000Z"
X_DATE = "Wed Oct 10 20:19:24 +0000 2018"
USER = {"id": 77, "id_str": "77", "screen_name": "made_up", "followers_count": 1200}

V11_EXTENDED = {
    "created_at": X_DATE, "id": 1050118621198921728, "id_str": "1050118621198921728", "text": CUT, "truncated": True,
    "user": USER, "extended_tweet": {"full_text": LONG}, "lang": "en", "entities": {"hashtags": []},
}  # fmt: skip
V11_FULL = {"created_at": X_DATE, "id": 5, "full_text": LONG, "user": USER, "lang": "en"}
V11_RETWEET = {
    "created_at": X_DATE, "id_str": "6", "full_text": f"RT @a: {CUT}", "user": USER, "lang": "en",
    "retweeted_status": {"id": 5, "text": CUT, "extended_tweet": {"full_text": LONG}, "user": {"id": 9}},
}  # fmt: skip
V11_QUOTE = {
    "created_at": X_DATE, "id": 7, "full_text": LONG, "user": USER, "lang": "en",
    "quoted_status": {"id": 5, "full_text": "what somebody else wrote"},
}  # fmt: skip
ARCHIVE = {"tweet": {"id_str": "8", "id": "8", "full_text": LONG, "created_at": X_DATE, "lang": "en"}}
V2_NOTE = {
    "id": "9", "text": CUT, "note_tweet": {"text": LONG, "entities": {}}, "created_at": AT, "author_id": "77",
    "lang": "en", "edit_history_tweet_ids": ["9"], "public_metrics": {"like_count": 3},
}  # fmt: skip
USERS = [{"id": "77", "public_metrics": {"followers_count": 1200}}]
V2_PAGE: dict[str, Any] = {"data": V2_NOTE, "includes": {"users": USERS}}
V2_RETWEET: dict[str, Any] = {
    "data": [{
        "id": "10", "text": f"RT @a: {CUT}", "created_at": AT, "author_id": "77", "lang": "en",
        "referenced_tweets": [{"type": "retweeted", "id": "9"}],
    }],
    "includes": {"users": USERS, "tweets": [{"id": "9", "text": CUT, "note_tweet": {"text": LONG}}]},
}  # fmt: skip
V2_QUOTE = {
    "id": "11", "text": LONG, "created_at": AT, "author_id": "77", "lang": "en",
    "referenced_tweets": [{"type": "quoted", "id": "9"}], "includes": {"tweets": [{"id": "9", "text": "not mine"}]},
}  # fmt: skip
RECORD = {"$type": "app.bsky.feed.post", "text": LONG, "createdAt": AT, "langs": ["en", "fr"]}
URI = "at://did:plc:77/app.bsky.feed.post/3k"
JETSTREAM = {
    "did": "did:plc:77", "time_us": 1_539_202_764_000_000, "kind": "commit",
    "commit": {"operation": "create", "collection": "app.bsky.feed.post", "rkey": "3k", "record": RECORD, "cid": "c"},
}  # fmt: skip
STATUS = {
    "id": "12", "created_at": AT, "language": "en", "spoiler_text": "", "url": "https://made.up/12",
    "content": f"<p><span class=\"h-card\"><a href=\"https://made.up/@a\">@AirParadis</a></span>{LONG[11:]}</p>",
    "account": {"id": "77", "acct": "made_up", "followers_count": 1200}, "reblog": None,
}  # fmt: skip
BOOST = {**STATUS, "id": "13", "content": "", "language": None, "reblog": {**STATUS, "account": {"id": "9"}}}

OBJECTS: dict[str, tuple[dict[str, Any], str, str | None, int | None]] = {
    "X v1.1, extended": (V11_EXTENDED, "1050118621198921728", "77", 1200),
    "X v1.1, full_text": (V11_FULL, "5", "77", 1200),
    "X v1.1, retweet": (V11_RETWEET, "6", "77", 1200),
    "X v1.1, quote": (V11_QUOTE, "7", "77", 1200),
    "X archive": (ARCHIVE, "8", None, None),
    "X v2, note": (V2_NOTE, "9", "77", None),
    "X v2, page of one": (V2_PAGE, "9", "77", 1200),
    "X v2, retweet": (V2_RETWEET, "10", "77", 1200),
    "X v2, quote": (V2_QUOTE, "11", "77", None),
    "Bluesky, Jetstream": (JETSTREAM, URI, "did:plc:77", None),
    "Bluesky, record with its URI": ({"uri": URI, "cid": "c", "value": RECORD}, URI, "did:plc:77", None),
    "Bluesky, view": ({"uri": URI, "record": RECORD, "author": {"did": "did:plc:77"}}, URI, "did:plc:77", None),
    "Bluesky, feed": ({"post": {"uri": URI, "record": RECORD, "author": {}}}, URI, "did:plc:77", None),
    "Bluesky, repost in a feed": (
        {
            "post": {"uri": URI, "record": {**RECORD, "createdAt": "2018-01-01T00:00:00Z"}, "author": {"did": "d"}},
            "reason": {"by": {"did": "did:plc:9", "followersCount": 3}, "indexedAt": AT},
        },
        URI,
        "did:plc:9",
        3,
    ),
    "Bluesky, bare record": ({**RECORD, "uri": URI}, URI, "did:plc:77", None),
    "Mastodon": (STATUS, "12", "77", 1200),
    "Mastodon, boost": (BOOST, "13", "77", 1200),
    "Mastodon, boost without content": ({**BOOST, "content": None}, "13", "77", 1200),
    "Mastodon, only acct": ({**STATUS, "account": {"acct": "@Ann@made.up"}}, "12", " @ann@made.up", None),
    "X v1.1, only screen_name": ({**V11_FULL, "user": {"screen_name": "Ann_1"}}, "5", " @ann_1", None),
    "Bluesky, only handle": (
        {"uri": "12", "record": {**RECORD, "langs": "en"}, "author": {"handle": "Ann.made.up"}},
        "12",
        " @ann.made.up",
        None,
    ),
    "Mastodon, without account": ({**STATUS, "account": None}, "12", None, None),
}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_network_s_object_is_a_tweet_with_its_whole_text(name: str) -> None:
    written, identifier, author, reach = OBJECTS[name]
    tweet = decode_tweet(json.dumps(written).encode())
    assert (str(tweet.id), tweet.text, tweet.author_id, tweet.reach) == (identifier, LONG, author, reach)
    assert tweet.lang == "en"
    assert tweet.created_at_ms == 1_539_202_764_000


def test_the_worker_reads_the_objects_into_the_same_columns() -> None:
    values = [json.dumps(written).encode() for written, *_ in OBJECTS.values()]
    columns, wrong = read_batch([FakeRecord(value, timestamp_ms=NOW_MS) for value in values], NOW_MS)
    assert columns is not None
    assert not wrong
    assert columns.texts.strings() == [LONG] * len(values)
    assert columns.ids.strings() == [identifier for _, identifier, _, _ in OBJECTS.values()]
    assert columns.authors.strings() == [author or "" for _, _, author, _ in OBJECTS.values()]
    assert columns.reach.tolist() == [-1 if reach is None else reach for *_, reach in OBJECTS.values()]
    assert {row.tobytes().decode() for row in columns.instants} == {AT}


@pytest.mark.parametrize(
    "extra",
    [{"full_text": LONG}, {"id_str": "2"}, {"date": X_DATE}, {"createdAt": AT}, {"user": "77"}, {"author": "77"}],
)
def test_a_key_that_says_more_is_never_overlooked_by_the_compiled_walk(extra: dict[str, str]) -> None:
    value = json.dumps({"id": "1", "text": CUT, **extra}).encode()
    tweet = decode_tweet(value)
    columns, _ = read_batch([FakeRecord(value, timestamp_ms=NOW_MS)], NOW_MS)
    assert columns is not None
    assert columns.texts[0] == tweet.text == extra.get("full_text", CUT)
    assert columns.ids[0] == str(tweet.id) == extra.get("id_str", "1")
    assert columns.authors[0] == (tweet.author_id or "") == next((v for k, v in extra.items() if v == "77"), "")
    assert columns.instants[0].tobytes().decode() == to_rfc3339(tweet.created_at_ms or NOW_MS)


@pytest.mark.parametrize(
    ("extra", "author", "dropped"),
    [
        ({"author_id": 7.0}, "7", ()),
        ({"author_id": ""}, None, ()),
        *(({"author_id": nobody}, None, ()) for nobody in ("NaN", "null", "None", "<NA>", "undefined", "-1", 0, " \t")),
        ({"author_id": "nan", "user": {"id": 7}}, "7", ()),
        ({"author_id": " 7 "}, "7", ()),
        ({"author_id": "nancy"}, "nancy", ()),
        ({"author_id": None}, None, ()),
        ({"user": {"id": 7, "screen_name": "made_up"}}, "7", ()),
        ({"author": {"id": 7}}, "7", ()),
        ({"author": "did:plc:7"}, "did:plc:7", ()),
        *(({name: written}, " @ann", ()) for name in ("user", "author") for written in ("Ann", "@ann")),
        ({"user": "Ann", "author": "7"}, "7", ()),
        ({"author_id": 7.5}, None, ("author_id",)),
        ({"author_id": ["7"]}, None, ("author_id",)),
        ({"author_id": {"id": 7}}, None, ("author_id",)),
        ({"author_id": "x" * 257}, None, ("author_id",)),
        ({"author_id": 1e300}, None, ("author_id",)),
        ({"author_id": True, "user": {"id": 7}}, "7", ()),
        ({"lang": ["en"]}, None, ("lang",)),
        ({"lang": "x" * 36}, None, ("lang",)),
        ({"reach": -1}, None, ("reach",)),
        ({"reach": "many"}, None, ("reach",)),
        ({"includes": "none", "referenced_tweets": 3, "note_tweet": [], "retweeted_status": "RT"}, None, ()),
        ({"entities": {"urls": [{"x": 10**400}]}, "geo": None, "coordinates": [1e999]}, None, ()),
    ],
)
def test_a_field_that_nothing_needs_never_costs_a_tweet(
    extra: dict[str, Any], author: str | None, dropped: tuple[str, ...]
) -> None:
    value = json.dumps({"id": "1", "text": "a", **extra}).replace("Infinity", "1e999").encode()
    fields = decode_fields(value)
    assert (fields.text, fields.author_id, fields.dropped) == ("a", author, dropped)
    columns, _ = read_batch([FakeRecord(value, timestamp_ms=NOW_MS)], NOW_MS)
    assert columns is not None
    assert columns.authors[0] == (author or "")
    assert columns.has_author[0] == (author is not None)


@pytest.mark.parametrize("name", ["username", "screen_name", "handle", "acct", "user"])
@pytest.mark.parametrize(
    ("written", "author"),
    [("Nick_9", " @nick_9"), ("@NICK_9", " @nick_9"), (" nick_9 ", " @nick_9"), ("Été", " @été"), ("x" * 300, None)]
    + [(nobody, None) for nobody in ("nan", "NA", "undefined", "-1", "", "@", None, True)],
)
def test_a_user_name_is_the_author_where_there_is_no_id(name: str, written: Any, author: str | None) -> None:
    said: list[dict[str, Any]] = [
        {},
        {"author_id": None},
        {"author_id": "nan"},
        {"author_id": " @nick_9"},
        {"author_id": "7"},
    ]
    tweets = [
        {"id": "1", "text": "a", **pair} for one in said for pair in ({**one, name: written}, {name: written, **one})
    ]
    values = [json.dumps(tweet).encode() for tweet in tweets]
    found = [decode_tweet(value).author_id for value in values]
    assert found == [author] * 6 + ["@nick_9"] * 2 + ["7"] * 2
    for value, one in zip(values, found, strict=True):
        columns, _ = read_batch([FakeRecord(value, timestamp_ms=NOW_MS)], NOW_MS)
        assert columns is not None
        assert (columns.authors[0], columns.has_author[0]) == (one or "", one is not None)


@pytest.mark.parametrize(
    "names", [{"handle": "b", "username": "A"}, {"username": "a", "acct": 5}, {"username": "", "handle": "a"}]
)
def test_of_several_user_names_the_worker_takes_the_same_one(names: dict[str, Any]) -> None:
    columns, _ = read_batch([FakeRecord(json.dumps({"id": 1, "text": "a", **names}).encode())], NOW_MS)
    assert columns is not None
    assert columns.authors[0] == " @a"


def test_user_names_beside_an_id_or_alone_leave_a_tweet_to_the_compiled_walk() -> None:
    beside = {"author_id": "7", "username": "Nick", "screen_name": 5, "handle": None, "acct": "x" * 300}
    values = [json.dumps({"id": 1, "text": "a", **one}).encode() for one in (beside, {"username": "Nick"})]
    columns, unsure = read_values(values, [NOW_MS] * 2, NOW_MS)
    assert not unsure
    assert columns.authors.strings() == ["7", " @nick"]


_DEEP = 5000
_NESTED = "[" * _DEEP + '"]\\"[{"' + "]" * _DEEP


@pytest.mark.parametrize("name", ["entities", "user", "reach", "retweeted_status", "place"])
def test_a_field_that_is_nested_too_deeply_costs_no_tweet(name: str) -> None:
    value = f'{{"id":"1","{name}":{{"id":{_NESTED}}},"text":"a [","reach":3}}'.encode()
    columns, wrong = read_batch([FakeRecord(value, timestamp_ms=NOW_MS)], NOW_MS)
    assert not wrong
    assert columns is not None
    assert columns.texts[0] == "a ["
    assert columns.reach[0] == 3


@pytest.mark.parametrize(
    "value",
    [
        f'{{"id":"1","text":{_NESTED}}}',
        '{"data":' * _DEEP + '{"id":"1","text":"a"}' + "}" * _DEEP,
        "[" * _DEEP + '{"id":"1","text":"a"}' + "]" * _DEEP,
        f'{{"id":"1","text":"a","x":{_NESTED[:-1]}}}',
        f'{{"id":"1","text":"a","x":{_NESTED}}}}}',
    ],
)
def test_a_text_that_is_nested_too_deeply_makes_a_dead_letter(value: str) -> None:
    columns, [(row, error)] = read_batch([FakeRecord(value.encode(), timestamp_ms=NOW_MS)], NOW_MS)
    assert columns is None
    assert row == 0
    assert "that can be read" not in str(error)


@pytest.mark.parametrize(("langs", "lang"), [("fr", "fr"), ("", None), ([], None), (["fr", "en"], "fr"), (3, None)])
def test_languages_of_a_post_may_be_one_string(langs: Any, lang: str | None) -> None:
    assert decode_fields(json.dumps({"uri": URI, "record": {**RECORD, "langs": langs}}).encode()).lang == lang


@pytest.mark.parametrize("optional", [b'"author_id":"\\ud800"', b'"author_id":' + b"9" * 5000, b'"lang":"\xff"'])
def test_a_value_beyond_reading_costs_no_tweet_either(optional: bytes) -> None:
    value = b'{"id":"1","text":"a",' + optional + b"}"
    assert decode_fields(value).dropped


HALF = '"cut \\ud83d"'


@pytest.mark.parametrize(
    "written",
    [
        f'{{"id":"1","text":"a","source":{HALF}}}',
        f'{{"id":"1","text":"a","user":{{"id":5,"description":{HALF}}}}}',
        f'{{"data":{{"id":"1","text":"a"}},"includes":{{"users":[{{"id":"5","description":{HALF}}}]}}}}',
        f'{{"id":"1","text":"RT @b: a","retweeted_status":{{"text":"a","user":{{"description":{HALF}}}}}}}',
        f'{{"id":"1","content":"<p>a</p>","account":{{"id":"5","note":{HALF}}}}}',
        '\ufeff{"id":"1","text":"a"}',
    ],
)
def test_half_an_emoji_in_a_field_that_nothing_needs_costs_no_tweet(written: str) -> None:
    columns, wrong = read_batch([FakeRecord(written.encode(), timestamp_ms=NOW_MS)], NOW_MS)
    assert not wrong
    assert columns is not None
    assert columns.texts[0] == "a"


@pytest.mark.parametrize("field", ["id", "text"])
def test_half_an_emoji_in_a_field_that_is_needed_makes_a_dead_letter(field: str) -> None:
    written = json.dumps({"id": "1", "text": "a", field: "cut \ud83d"})
    with pytest.raises(UnreadableRecord, match="surrogate"):
        decode_fields(written.encode())


@pytest.mark.parametrize("nothing", [None, "", " ", "nan", "NaT", "null", "0", 0, -1])
def test_a_date_that_stands_for_none_is_none(nothing: Any) -> None:
    assert decode_fields(json.dumps({"id": "1", "text": "a", "created_at": nothing}).encode()).created_at is None


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ({"data": [V2_NOTE, V2_NOTE]}, "data holds 2 tweets"),
        ({"data": []}, "data holds 0 tweets"),
        ({**JETSTREAM, "commit": {"operation": "delete", "collection": "app.bsky.feed.post"}}, r"\(delete\), no new"),
        ({"did": "d", "kind": "identity", "identity": {}}, "identity, no new post"),
        ({**STATUS, "content": "x" * 200_001}, "text: content is HTML that cannot be read"),
        ({"id": "1", "text": None, "full_text": 3}, "text is missing"),
        ({"id": "1", "text": {"a": 1}}, "text is {'a': 1}: expected a string"),
        ({"id": "1", "text": "a", "created_at": "10/11/2018"}, "created_at is '10/11/2018': expected RFC 3339"),
        ({"id": "1", "text": "a", "created_at": "Wed Foo 10 20:19:24 +0000 2018"}, "created_at is 'Wed Foo"),
    ],
)
def test_an_object_without_a_tweet_says_why(written: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidTweet, match=said) as raised:
        decode_tweet(json.dumps(written).encode())
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>a<br>b</p><p>c &amp; d</p>", "a\nb\n\nc & d"),
        (
            '<a href="https://made.up/long/path"><span class="invisible">https://</span><span class="ellipsis">'
            'made.up/long</span><span class="invisible">/path</span></a>',
            "https://made.up/long/path",
        ),
        ("1 < 2 and <3", "1 < 2 and <3"),
        ("<script>alert(1)</script>hello<style>p{}</style>", "hello"),
        ("plain", "plain"),
        ("a<!-- <p>b</p> -->c<!doctype html>d<?xml?>e<![CDATA[f]]>g</ h>i", "acdegi"),
        ("a<!-- never closed <p>b", "a"),
        ("a" + "<!--" * 49_000, "a"),  # all of these are read at once, not in minutes
        ("<" * 100_000, "<" * 100_000),
        ("a" + "<!" * 90_000, "a"),
        ("a " + "<a " * 60_000, ("a " + "<a " * 60_000).strip()),  # not in a quarter of an hour
        ("<a" * 99_000, "<a" * 99_000),
        ('a<a href="' + '<a href="' * 20_000, 'a<a href="' + '<a href="' * 20_000),
        ("a<script>" + "</script" * 20_000 + ">", "a"),
        ('<p title="a>b">c</p><p it\'s>d', "c\n\nd"),
        ("<div>a</div><div>b<h1>c</h1>d</div>", "a\n\nb\n\nc\n\nd"),
        ("a&#" + "9" * 5000 + ";b&#" + "0" * 5000 + "65;", "a\ufffdbA"),
    ],
    ids=lambda value: value[:20],
)
def test_html_becomes_its_text(html: str, text: str) -> None:
    assert html_to_text(html) == text


@pytest.mark.parametrize(
    ("written", "ms"),
    [
        (X_DATE, 1_539_202_764_000),
        ("Wed Oct 10 22:19:24 +0200 2018", 1_539_202_764_000),
        ("2018-10-10 16:19:24 -0400", 1_539_202_764_000),
        (1_539_202_764, 1_539_202_764_000),
        (1_539_202_764_123, 1_539_202_764_123),
        ("1539202764123", 1_539_202_764_123),
        (1_539_202_764_123_456_789, 1_539_202_764_123),
        (1_539_202_764.5, 1_539_202_764_500),
        ("1539202764.0", 1_539_202_764_000),
        ("1539202764.5", 1_539_202_764_500),
        ("2018-10-10 20:19:24 UTC", 1_539_202_764_000),
        ("2018-10-10T20:19:24.5 gmt", 1_539_202_764_500),
        ("2018-10-10t20:19:24z", 1_539_202_764_000),
        ("Wed Oct 10 20:19:24 UTC 2018", 1_539_202_764_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
        ("2016-12-31T24:00:00Z", 1_483_228_800_000),
        ("Wed, 10 Oct 2018 20:19:24 GMT", 1_539_202_764_000),
        ("10 Oct 2018 22:19:24 +0200", 1_539_202_764_000),
        ("2018-10-10 22:19:24 +0200 CEST", 1_539_202_764_000),
        ("2018-10-10T22:19:24+02:00[Europe/Paris]", 1_539_202_764_000),
        ("20181010201924", 1_539_202_764_000),
    ],
)
def test_dates_are_read_in_every_form_that_the_networks_use(written: Any, ms: int) -> None:
    value = json.dumps({"id": "1", "text": "a", "created_at": written}).encode()
    assert decode_tweet(value).created_at_ms == ms


@pytest.mark.parametrize(
    "written",
    [
        "1970-01-01T00:00:00Z", "1970-01-01T01:00:00+01:00", "1970-01-01", "Thu Jan 01 00:00:00 +0000 1970",
        "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "0000-00-00 00:00:00", 0, -1, "nan",
    ],
)  # fmt: skip
def test_a_zero_is_no_date(written: Any) -> None:
    value = json.dumps({"id": "1", "text": "a", "created_at": written}).encode()
    assert decode_tweet(value).created_at is None


@pytest.mark.parametrize(
    "written", [5, 10**10, 10**19, -1, 1.5e300, True, [], "tomorrow", "12345", "12345.0", "UTC", "1539202764."]
)
def test_what_may_be_a_date_of_several_kinds_is_none(written: Any) -> None:
    with pytest.raises((ValueError, OverflowError)):
        read_date(written)


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(NEEDED)), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from([*sorted(NEEDED), "entities"]), _json, max_size=8))
def test_any_object_becomes_a_tweet_or_one_line(written: dict[str, Any]) -> None:
    said = ""
    try:
        decode_tweet(json.dumps(written).encode())
    except InvalidRecord as error:
        said = str(error)
    assert "\n" not in said


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every dictionary or list in it with one of its keys or indices."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, below in list(inner):
        yield value, key
        yield from _places(below)


_ODD: list[Any] = [
    *(None, True, 0, -1, 7.5, 10**300, "", " ", "7", "x" * 300, "\x00", "at://", "<p", "<![x["),
    *([], [[]], {}, {"id": {}}, {"id": []}, [{"type": "retweeted", "id": {}}], [{"id": []}], {"text": {}}, ["en", 3]),
]


@given(st.data())
def test_an_object_with_anything_anywhere_in_it_becomes_a_tweet_or_one_line(data: st.DataObject) -> None:
    written = json.loads(json.dumps(OBJECTS[data.draw(st.sampled_from(sorted(OBJECTS)))][0]))
    for _ in range(data.draw(st.integers(1, 2))):
        places = list(_places(written))
        if places:
            inside, key = data.draw(st.sampled_from(places))
            inside[key] = copy.deepcopy(data.draw(st.sampled_from(_ODD)))
    said = ""
    try:
        decode_tweet(json.dumps(written).encode())
    except InvalidRecord as error:
        said = str(error)
    assert "\n" not in said
    assert "that can be read" not in said  # what stands for a fault of ours
