from __future__ import annotations

from contracts.errors import InvalidTweet
from contracts.topics import MAX_RECORD_BYTES
from stream.dead_letters.record import dead_letter, error_class, is_cut
from stream.dead_letters.replay import replayed_headers
from tests.fakes_kafka import FakeRecord


def test_a_dead_letter_has_key_value_and_headers_as_they_came() -> None:
    record = FakeRecord(key=b"\xff", value=b"\x00not json", headers=[("trace", b"1"), ("trace", b"2")])
    letter = dead_letter(record, InvalidTweet("not a tweet"))
    assert (letter.key, letter.value) == (b"\xff", b"\x00not json")
    assert letter.headers[:2] == [("trace", b"1"), ("trace", b"2")]


def test_headers_say_what_was_wrong_and_where_it_came_from() -> None:
    record = FakeRecord(topic="tweets", partition=3, offset=41)
    headers = dict(dead_letter(record, InvalidTweet("no\ntext")).headers)
    assert headers == {
        "error": b"no text",
        "error-class": b"InvalidTweet",
        "source-topic": b"tweets",
        "source-partition": b"3",
        "source-offset": b"41",
        "attempts": b"1",
    }


def test_a_replayed_record_that_fails_again_counts_one_attempt_more() -> None:
    once = dead_letter(FakeRecord(), InvalidTweet("x"))
    twice = dead_letter(FakeRecord(headers=once.headers), InvalidTweet("y"))
    assert [value for name, value in twice.headers if name == "attempts"] == [b"2"]
    assert [value for name, value in twice.headers if name == "error"] == [b"y"]


def test_a_producers_own_headers_named_like_ours_are_kept() -> None:
    theirs = [("error", b"theirs"), ("attempts", b"many"), ("error-class", b"\xff")]
    once = dead_letter(FakeRecord(headers=theirs), InvalidTweet("x"))
    assert once.headers[:3] == theirs
    assert error_class(once) == "InvalidTweet"
    assert replayed_headers(once.headers) == [*theirs, ("attempts", b"1")]
    twice = dead_letter(FakeRecord(headers=replayed_headers(once.headers)), InvalidTweet("y"))
    assert twice.headers[:3] == theirs
    assert (len(twice.headers), twice.headers[-1]) == (9, ("attempts", b"2"))


def test_a_last_number_of_attempts_is_taken_for_the_count_of_a_replay() -> None:
    once = dead_letter(FakeRecord(headers=[("trace", b"1"), ("attempts", b"3")]), InvalidTweet("x"))
    assert replayed_headers(once.headers) == [("trace", b"1"), ("attempts", b"4")]


def test_a_long_error_leaves_room_for_the_record() -> None:
    letter = dead_letter(FakeRecord(), InvalidTweet("é" * 100_000))
    assert sum(len(name) + len(value or b"") for name, value in letter.headers) < 4096


def test_what_no_topic_takes_is_cut_and_says_so() -> None:
    full = FakeRecord(value=b"x" * (MAX_RECORD_BYTES - 1), key=b"k")
    whole = dead_letter(full, InvalidTweet("x"))
    assert (whole.value, is_cut(whole.headers)) == (full.value(), False)
    packed = FakeRecord(value=b"x" * 20_000_000, key=b"k" * 70_000, headers=[("a", b"1"), ("b", b"2" * 70_000)])
    letter = dead_letter(packed, InvalidTweet("x"))
    assert letter.headers[:2] == [("a", b"1"), ("cut", b"key 70000 bytes, value 20000000 bytes, headers 70023 bytes")]
    assert len(letter.value or b"") + len(letter.key or b"") < MAX_RECORD_BYTES
    assert is_cut(letter.headers)
    assert error_class(letter) == "InvalidTweet"
    many = dead_letter(FakeRecord(headers=[("n", b"")] * 200_000), InvalidTweet("x"))
    assert is_cut(many.headers)
    assert len(many.headers) < 10_000


def test_the_error_class_can_be_read_back() -> None:
    assert error_class(dead_letter(FakeRecord(), InvalidTweet("x"))) == "InvalidTweet"
