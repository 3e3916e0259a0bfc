from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.events import decode_tweet
from contracts.tweet_files.errors import TweetFileError
from contracts.tweet_files.rows import ReadOptions
from stream.kafka.tweet_files import Line, read_tweets
from stream.kafka.tweet_producer import paced


def values(path: Path, file_format: str | None = None) -> list[dict[str, Any]]:
    return [json.loads(line.value) for line in read_tweets(path, file_format)]


@pytest.mark.parametrize(("user", "field"), [("77", "author_id"), ("did:plc:a", "author_id"), ("ann", "username")])
def test_date_and_user_become_created_at_and_author_id_or_username(tmp_path: Path, user: str, field: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,date,user,text\n7,2015-02-24 11:35:52 -0800,{user},hello\n")
    assert values(path) == [{"id": "7", "created_at": "2015-02-24T19:35:52.000Z", field: user, "text": "hello"}]


def test_a_missing_id_is_a_hash_of_file_and_row_and_the_same_each_time(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a"}\n{"text": "a"}\n')
    ids = [row["id"] for row in values(path)]
    assert len(set(ids)) == 2
    assert ids == [row["id"] for row in values(path)]


def test_a_line_that_is_no_object_is_handed_on_as_it_came(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": 1, "text": "a"}\n\n[1]\nnot json \xff\n')
    lines = list(read_tweets(path, None))
    assert [line.value for line in lines[1:]] == [b"[1]", b"not json \xff"]
    assert len({line.key for line in lines}) == 3


def test_numbers_that_json_does_not_have_cost_no_tweet(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": 1, "text": "a", "x": NaN, "y": [Infinity]}\n')
    pq.write_table(pa.table({"id": ["1"], "text": ["a"], "reach": [float("inf")]}), tmp_path / "a.parquet")
    for name in ("a.jsonl", "a.parquet"):
        (line,) = read_tweets(tmp_path / name, None)
        assert decode_tweet(line.value).text == "a", name


def test_rows_that_will_be_dead_letters_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b'{"id": 1, "text": "a"}\n[1]\n{"id": 2, "text": "\xe9"}\n')
    (tmp_path / "a.csv").write_text("id,text,created_at\n1,a,28/11/2026\n2,b,2026-11-28\n")
    options = ReadOptions()
    assert len(list(read_tweets(tmp_path / "a.jsonl", None, options))) == 3
    assert options.notes.all() == [
        "2 rows are no tweets and will be among the dead letters (line 2: not a JSON object; line 3: byte 20: 0xE9 is "
        "not UTF-8: give the file's encoding with --encoding)"
    ]
    options = ReadOptions()
    assert len(list(read_tweets(tmp_path / "a.csv", None, options))) == 2
    assert options.notes.all() == [
        "1 row is no tweet and will be among the dead letters (row 1 (line 2): created_at is '28/11/2026', which is no "
        "date that can be read)"
    ]


def test_parquet_rows_are_tweets_that_the_worker_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": ["1", "2"], "text": ["x", None], "label": ["negative", "positive"]}), path)
    first, second = read_tweets(path, None)
    assert decode_tweet(first.value).text == "x"
    assert json.loads(second.value) == {"id": "2", "text": None}


def test_standard_input_is_jsonl(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"id": 5, "text": "a"}\n')))
    assert list(read_tweets(None, None)) == [Line(b"5", b'{"id": 5, "text": "a"}')]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,body\n1,x\n", "no column 'text'"),
        ("a.parquet", b"no parquet", "not a Parquet file"),
        ("a.xyz", b"x", "not known from its name or its beginning"),
    ],
)
def test_a_file_that_cannot_be_read_is_said_in_one_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TweetFileError, match=said) as raised:
        values(path)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(TweetFileError, match=r"nope\.csv: no such file"):
        values(tmp_path / "nope.csv")


def test_a_rate_spreads_tweets_over_time() -> None:
    waits: list[float] = []
    lines = [Line(b"", b"")] * 11
    assert len(list(paced(lines, 100.0, waits.append))) == 11
    assert 0.05 < max(waits) <= 0.11


def test_a_long_csv_field_is_handed_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"id,text\n1,{'x' * 200_000}\n2,b\n")
    assert [len(row["text"]) for row in values(path)] == [200_000, 1]


def test_what_will_be_a_dead_letter_is_named_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [b'{"id": "1", "text": "a", "x": "\xff"}', b'{"id": "2", "text": "a", "x": 1' + b"0" * 5000 + b"}"]
    path.write_bytes(
        b"\n".join([*lines, b'{"id": "3"}', b'{"id": "4", "text": {"0": "a"}}', b'{"id": "5", "text": " "}'])
    )
    options = ReadOptions()
    assert [line.key for line in read_tweets(path, None, options)] == [b"1", b"2", b"3", b"4", b"5"]
    (note,) = options.notes.all()
    assert "3 rows are no tweets" in note
    assert "(line 3: text is missing; line 4: text is {'0': 'a'}; line 5: text is empty)" in note


def test_a_date_that_stands_for_none_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,text,created_at\n1,a,NaT\n2,b,null\n")
    options = ReadOptions()
    assert [json.loads(line.value) for line in read_tweets(path, None, options)] == [
        {"id": "1", "text": "a"},
        {"id": "2", "text": "b"},
    ]
    assert not options.notes.all()


def test_a_zero_in_a_column_of_times_is_no_date_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    times = pa.array([0, 1_794_304_800_000], pa.timestamp("ms"))
    pq.write_table(pa.table({"id": ["1", "2"], "text": ["a", "b"], "created_at": times}), path)
    options = ReadOptions()
    assert [json.loads(line.value) for line in read_tweets(path, None, options)] == [
        {"id": "1", "text": "a"},
        {"id": "2", "text": "b", "created_at": "2026-11-10T10:00:00.000Z"},
    ]
    (note,) = options.notes.all()
    assert note == "1 date is a zero (row 1: 1970-01-01 00:00:00), as programs write for none: taken for no date"


@pytest.mark.parametrize(
    ("tweet", "said"),
    [
        ('{"id": 1.0, "text": "a"}', "id is 1.0"),
        ('{"id": true, "text": "a"}', "id is True"),
        ('{"id": {"$numberLong": "1"}, "text": "a"}', "id is {'$numberLong': '1'}"),
        ('{"id": "1", "text": "a\\ud800"}', "text has a lone surrogate at code point 1"),
        (f'{{"id": "{"1" * 257}", "text": "a"}}', "id is longer than 256 characters"),
        (f'{{"id": 1, "text": "{"a" * 10_001}"}}', "text has 10,001 code points, the limit is 10,000"),
        ('{"id": 1, "text": "a", "created_at": "28/11/2026"}', "created_at is '28/11/2026'"),
    ],
    ids=lambda value: value[:30],
)
def test_whatever_the_worker_refuses_is_named_by_whoever_sends_it(tmp_path: Path, tweet: str, said: str) -> None:
    (tmp_path / "a.jsonl").write_text(tweet)
    options = ReadOptions()
    (line,) = read_tweets(tmp_path / "a.jsonl", None, options)
    assert line.value == tweet.encode()
    assert options.notes.all() == [f"1 row is no tweet and will be among the dead letters (line 1: {said})"]
