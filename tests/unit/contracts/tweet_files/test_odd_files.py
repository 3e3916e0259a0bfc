"""Files as other programs write, join and rename them: read as they were meant, or refused with the place."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from contracts.tweet_files.errors import TweetFileError
from contracts.tweet_files.reader import read_rows
from contracts.tweet_files.rows import ReadOptions

ONE, TWO = '{"id": "1", "text": "a"}', '{"id": "2", "text": "b"}'
BOTH = [("1", "a"), ("2", "b")]
MARK = "\ufeff"


def pairs(path: Path, options: ReadOptions | None = None) -> list[tuple[Any, Any] | None]:
    found = read_rows(path, options or ReadOptions())
    return [None if row.fields is None else (row.fields.get("id"), row.fields.get("text")) for row in found]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("old_mac.csv", "id,text\r1,a\r2,b\r"),
        ("excel.csv", "sep=;\r\nid;text\r\n1;a\r\n2;b\r\n"),
        ("marked_twice.csv", f"{MARK}{MARK}id,text\n1,a\n2,b\n"),
        ("marked_in_the_middle.csv", f'id,text\n1,a\n{MARK}"2",b\n'),
        ("marked_in_the_middle.jsonl", f"{ONE}\n{MARK}{TWO}\n"),
        ("pretty.jsonl", '{\n "id": "1",\n "text": "a"\n}\n{\n "id": "2",\n "text": "b"\n}\n'),
        ("pretty.json", '{\n "id": "1",\n "text": "a"\n}\n{\n "id": "2",\n "text": "b"\n}\n'),
        ("one_behind_the_other.json", ONE + TWO),
        ("one_behind_the_other.jsonl", f"{ONE} {TWO}\n"),
        ("old_mac.jsonl", f"{ONE}\r{TWO}\r"),
        ("array_a_line.jsonl", f"[{ONE}]\n[{TWO}]\n"),
        ("array_in_a_later_line.jsonl", f"{ONE}\n[{TWO}]\n"),
        ("arrays.json", f"[{ONE}]\n[{TWO}]"),
        ("page.json", f'{{"tweets": [{ONE}, {TWO}]}}'),
        ("tweets.js", f"window.YTD.tweets.part0 = [{ONE},{TWO}];\n"),
        ("marked.js", f"{MARK}window.YTD.tweets.part0 = [{ONE},{TWO}];\n"),
        ("2012_01.js", f"Grailbird.data.tweets_2012_01 = \n [{ONE},{TWO}]\n"),
        ("old_mac_excel.csv", "sep=;\rid;text\r1;a\r2;b\r"),
        ("sequence.json", f"\x1e{ONE}\n\x1e{TWO}\n"),
        ("nothing_found.jsonl", f'{ONE}\n{{"meta":{{"result_count":0}}}}\n{TWO}\n'),
        ("number.json", f'[{ONE[:-1]}, "x": {"9" * 5000}}},{TWO}]'),
    ],
)
def test_what_other_programs_write_is_read_whole(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, newline="")
    assert pairs(tmp_path / name) == BOTH


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"id,text\n1,a\rb\n", "line 2: no CSV: a carriage return in a field that is not quoted"),
        ("a.csv", b"sep=;\nid;text\n1;a;b\n", "line 3: 3 fields, the header has 2"),
        ("a.csv", b'sep=;\nid;text\n1;"a\n', "line 3: no CSV: unexpected end of data: a quote is opened there"),
        ("a.csv", b"id,text\n1," + b"x" * 70_000_000, "line 2: no CSV: a field above 67,108,864 characters"),
        ("a.jsonl", ONE.encode("utf-16-le"), "NUL bytes: UTF-16 without a byte order mark? Try --encoding utf-16-le"),
        ("a.csv", "id,text\n1,a\n".encode("utf-16-be"), "Try --encoding utf-16-be"),
        ("a.csv", "編號,text\n1,hello\n".encode("utf-16-le"), "Try --encoding utf-16-le"),
        ("a.csv", "id,text\n1,a\n".encode("utf-32-be"), "Try --encoding utf-32-be"),
        (
            "a.csv.gz",
            gzip.compress(gzip.compress(b"id,text\n1,a\n", mtime=0), mtime=0),
            "packed with gzip twice: unpack it first",
        ),
        ("a.jsonl", b"PAR1\x15\x04\x15\x80\n", "a Parquet file, not jsonl: name it .parquet"),
        ("a.csv", b"PAR1\x15\x04\x15\x80\n", "a Parquet file, not csv: name it .parquet"),
        ("a.csv", b"ARROW1\0\0", "an Arrow or Feather file: save it as Parquet"),
        ("a.json", f"[{ONE},]".encode(), "no JSON: Expecting value: line 1 column"),
        ("a.jsonl", b"\x04\x22\x4d\x18\xff\x00", "packed with lz4: unpack it first"),
        ("a.jsonl", bz2.compress(ONE.encode()), "packed with bzip2: unpack it first"),
        ("a.jsonl", lzma.compress(ONE.encode(), lzma.FORMAT_ALONE), "packed with lzma: unpack it first"),
        ("a.csv", b"7z\xbc\xaf\x27\x1c\0\4", "a 7-Zip archive: unpack it first"),
        ("a.jsonl", b"ORC\x08\x03", "an ORC file: save it as Parquet"),
        ("a.jsonl", pickle.dumps([{"text": "a" * 99}]), "a pickle of Python"),
        ("a.csv", b"\0" * 257 + b"ustar\0" + b"\0" * 249, "a tar archive: unpack it first"),
        ("a.csv.gz", gzip.compress(b"\0" * 257 + b"ustar\0", mtime=0), "a tar archive: unpack it first"),
        ("a.jsonl", b"\n<!DOCTYPE html>\n<html>\n", "a page of HTML or XML, such as a form to log in"),
        ("a.csv", f"{MARK}<?xml version='1.0'?>".encode(), "a page of HTML or XML"),
        ("a.jsonl", b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture: name a file of tweets"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(TweetFileError) as error:
        pairs(tmp_path / name)
    assert said in str(error.value)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_name_with_line_ends_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "new\nline\x1b.csv").write_text('id,text\n1,"a\n')
    with pytest.raises(TweetFileError, match=r"new line\\x1b\.csv, line 2: no CSV"):
        pairs(tmp_path / "new\nline\x1b.csv")


@pytest.mark.parametrize("encoding", ["punycode", "undefined", "utf-32", "idna"])
def test_an_encoding_that_does_not_fit_is_one_line(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.csv").write_bytes(b"id,text\n1,\xff\xfe;-\n")
    with pytest.raises(TweetFileError, match=encoding):
        pairs(tmp_path / "a.csv", ReadOptions(encoding=encoding))


def test_the_header_of_a_file_that_was_joined_is_no_tweet(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"id,text\n1,a\n{MARK}id,text\n2,b\n")
    options = ReadOptions()
    assert pairs(tmp_path / "a.csv", options) == BOTH
    assert options.notes.all() == ["row 2 (line 3) repeats the header, as in files that were joined: passed over"]


def test_a_text_that_begins_as_another_format_does_is_a_text(tmp_path: Path) -> None:
    for text in ("ORCA is a whale", "BZh is no word", "<3 you all", "Rar! she said"):
        (tmp_path / "a.txt").write_text(text)
        assert [row[1] for row in pairs(tmp_path / "a.txt") if row] == [text]


def test_lines_of_an_old_mac_are_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a\rb\n\r\nc\r\n")
    assert [row[1] for row in pairs(tmp_path / "a.txt") if row] == ["a", "b", "c"]


def test_threads_are_taken_apart(tmp_path: Path) -> None:
    def post(name: str) -> str:
        return f'{{"uri": "at://{name}", "record": {{"text": "{name}"}}}}'

    inner = f'{{"post": {post("c")}, "replies": [{{"post": {post("d")}}}, {{"uri": "at://x", "blocked": true}}]}}'
    thread = f'{{"thread": {{"post": {post("b")}, "parent": {{"post": {post("a")}}}, "replies": [{inner}, null]}}}}'
    (tmp_path / "thread.json").write_text(thread)
    found = [
        row.fields["post"]["record"]["text"] for row in read_rows(tmp_path / "thread.json", ReadOptions()) if row.fields
    ]
    assert sorted(found) == ["a", "b", "c", "d"]
    (tmp_path / "context.json").write_text(f'{{"ancestors": [{ONE}], "descendants": [{TWO}]}}')
    assert pairs(tmp_path / "context.json") == BOTH


def test_tweets_that_an_api_did_not_give_are_counted(tmp_path: Path) -> None:
    error = '{"title": "Not Found Error", "resource_id": "3"}'
    page = f'{{"data": [{ONE}, {TWO}], "errors": [{error}, {error}]}}'
    (tmp_path / "a.jsonl").write_text(f'{page}\n{{"errors": [{error}], "meta": {{}}}}\n')
    options = ReadOptions()
    found = [row.fields for row in read_rows(tmp_path / "a.jsonl", options)]
    assert [one["data"]["id"] for one in found if one] == ["1", "2"]
    (note,) = options.notes.all()
    assert note == "3 tweets the API did not give (deleted, withheld or private; line 1: 'Not Found Error')"


def test_numbers_that_json_does_not_have_are_no_values(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"id": NaN, "text": "a", "x": Infinity}\n{"id": "2", "text": "NaN"}\n')
    first, second = read_rows(tmp_path / "a.jsonl", ReadOptions())
    assert first.fields == {"id": None, "text": "a", "x": math.inf}
    assert first.raw is None, "as it came no reader of strict JSON could take it"
    assert second.raw is not None


def test_a_line_of_another_encoding_is_named_with_its_byte(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(ONE.encode() + b'\n{"id": "2", "text": "caf\xe9"}\n')
    first, second = read_rows(tmp_path / "a.jsonl", ReadOptions())
    assert (first.fields is not None, second.fields, second.where) == (True, None, "line 2")
    assert second.wrong == "byte 25: 0xE9 is not UTF-8: give the file's encoding with --encoding"


def test_dates_of_a_zone_that_nobody_knows_are_read(tmp_path: Path) -> None:
    created = pa.array([0, None], pa.timestamp("us", "Mars/Olympus"))
    pq.write_table(pa.table({"text": ["a", "b"], "created_at": created}), tmp_path / "a.parquet")
    first, second = read_rows(tmp_path / "a.parquet", ReadOptions())
    assert first.fields is not None
    assert second.fields is not None
    assert first.fields["created_at"].timestamp() == 0
    assert second.fields["created_at"] is None


def test_a_value_of_parquet_that_cannot_be_read_is_named_with_its_row(tmp_path: Path) -> None:
    created = pa.array([0, 10**14], pa.timestamp("s"))
    pq.write_table(pa.table({"text": ["a", "b"], "created_at": created}), tmp_path / "a.parquet")
    with pytest.raises(TweetFileError, match=r"a\.parquet, row 2: column 'created_at' of type timestamp"):
        list(read_rows(tmp_path / "a.parquet", ReadOptions()))


def test_bytes_in_a_column_that_nothing_needs_cost_no_tweet(tmp_path: Path) -> None:
    author = pa.array([b"\xff\x01", b"ann"])
    pq.write_table(pa.table({"text": ["a", "b"], "author_id": author}), tmp_path / "a.parquet")
    found = [
        row.fields["author_id"] for row in read_rows(tmp_path / "a.parquet", ReadOptions()) if row.fields is not None
    ]
    assert found == ["ff01", "ann"]


def test_names_of_folders_are_read_as_hive_writes_them(tmp_path: Path) -> None:
    for number, lang in enumerate(("__HIVE_DEFAULT_PARTITION__", "a%2Fb"), start=1):
        part = tmp_path / f"lang={lang}" / "part.csv"
        part.parent.mkdir()
        part.write_text(f"id,text\n{number},a\n")
    found = {
        row.fields["id"]: row.fields["lang"] for row in read_rows(tmp_path, ReadOptions()) if row.fields is not None
    }
    assert found == {"1": None, "2": "a/b"}


def test_a_folder_of_parts_without_suffix_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "part-00000").write_text(ONE)
    with pytest.raises(TweetFileError, match=r"it has part-00000: say what they are with --format"):
        pairs(tmp_path)


def test_a_folder_that_may_not_be_read_is_named_and_not_passed_over(tmp_path: Path) -> None:
    """Beside parts that can be read, its tweets would be missing without a word."""
    (tmp_path / "a.jsonl").write_text('{"id": 1, "text": "a"}\n')
    closed = tmp_path / "day=2"
    closed.mkdir(mode=0)
    program = (
        "import sys, pathlib; from contracts.tweet_files.reader import *; from contracts.tweet_files.rows import *; "
        "print(*read_rows(pathlib.Path(sys.argv[1]), ReadOptions()))"
    )
    # Root may read everything, unless it gives that right away.
    less = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    done = subprocess.run([*less, sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=False)
    closed.chmod(0o700)
    assert f"TweetFileError: {closed}: Permission denied" in done.stderr
