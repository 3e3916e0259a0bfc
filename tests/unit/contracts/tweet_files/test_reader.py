"""One reader for every command: what it reads, and the one line that it refuses the rest with."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contracts.tweet_files.errors import TweetFileError
from contracts.tweet_files.reader import FORMATS, read_rows
from contracts.tweet_files.rows import ReadOptions

TEXTS = ["@AirParadis lost my bag again", "@AirParadis rude crew"]


def rows(path: Path, file_format: str | None = None, **options: Any) -> list[dict[str, Any] | None]:
    return [
        None if row.fields is None else dict(row.fields) for row in read_rows(path, ReadOptions(**options), file_format)
    ]


def texts(found: Iterable[dict[str, Any] | None]) -> list[Any]:
    return [row and row["text"] for row in found]


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def parquet(folder: Path, name: str = "a.parquet", **columns: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("comma.csv", 'id,text\n1,"a, ""b""\nc"\n2,d\n'),
        ("semicolon.csv", 'id;text\n1;"a, ""b""\nc"\n2;d\n'),
        ("tab.tsv", 'id\ttext\n1\t"a, ""b""\nc"\n2\td\n'),
        ("mark.csv", b'\xef\xbb\xbfid,text\n1,"a, ""b""\nc"\n2,d\n'),
        ("utf16.csv", 'id,text\n1,"a, ""b""\nc"\n2,d\n'.encode("utf-16")),
        ("packed.csv.gz", gzip.compress(b'id,text\n1,"a, ""b""\nc"\n2,d\n', mtime=0)),
        ("lines.jsonl", '{"id":"1","text":"a, \\"b\\"\\nc"}\n\n{"id":"2","text":"d"}'),
        ("array.json", '[\n {"id":"1","text":"a, \\"b\\"\\nc"},\n {"id":"2","text":"d"}\n]\n'),
        ("one_line.jsonl", '[{"id":"1","text":"a, \\"b\\"\\nc"},{"id":"2","text":"d"}]'),
        ("unnamed", '[{"id":"1","text":"a, \\"b\\"\\nc"},{"id":"2","text":"d"}]'),
        ("utf16.json", '[{"id":"1","text":"a, \\"b\\"\\nc"},{"id":"2","text":"d"}]'.encode("utf-16")),
    ],
)
def test_every_kind_of_text_file_gives_the_same_rows(tmp_path: Path, name: str, content: bytes | str) -> None:
    assert rows(write(tmp_path, name, content)) == [{"id": "1", "text": 'a, "b"\nc'}, {"id": "2", "text": "d"}]


def test_the_archive_export_and_pages_of_the_apis_are_taken_apart(tmp_path: Path) -> None:
    archive = 'window.YTD.tweets.part0 = [\n {"tweet": {"id_str": "1", "full_text": "a"}} ]'
    assert rows(write(tmp_path, "tweets.js", archive)) == [{"tweet": {"id_str": "1", "full_text": "a"}}]
    users = [{"id": "7", "public_metrics": {"followers_count": 3}}, {"id": "8"}]
    page: dict[str, Any] = {
        "data": [{"id": "1", "text": "a", "author_id": "7"}, {"id": "2", "text": "b"}],
        "includes": {"users": users},
    }
    first, second = rows(write(tmp_path, "page.json", json.dumps(page, indent=1)))
    assert first == {"data": page["data"][0], "includes": {"users": users[:1], "tweets": []}}
    assert second == {"data": page["data"][1], "includes": {"users": [], "tweets": []}}
    for name in ("statuses", "posts", "feed", "records"):
        path = write(tmp_path, "page.jsonl", json.dumps({name: [{"id": "1", "text": "a"}]}))
        assert rows(path) == [{"id": "1", "text": "a"}]
    with pytest.raises(TweetFileError, match="an archive export of 'like', not of tweets"):
        rows(write(tmp_path, "like.js", "window.YTD.like.part0 = []"))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", 'id,text\n1,a\n2,"b\n3,c\n', r"lines 3 to 4: no CSV: .*never closed"),
        ("a.csv", 'id,text\n1,"a \\"b\\", c"\n', r"line 2: no CSV: .*written twice"),
        ("a.csv", "id,text\n1,a\n2,b,c\n", r"line 3: 3 fields, the header has 2"),
        ("a.csv", "id,text,lang\n1,a\n", r"line 2: 2 fields, the header has 3"),
        ("a.csv", "id,text,text\n1,a,b\n", r"2 columns are called 'text'"),
        ("a.csv", "id,body\n1,a\n", r"no column 'text' \(it has id, body\)"),
        ("a.csv", b"id,text\n1,caf\xe9\n", r"line 2, byte 6: 0xE9 is not UTF-8: .*--encoding"),
        ("a.csv", "id,text\n1,a\n".encode("utf-16-le"), r"UTF-16 without a byte order mark"),
        ("a.csv", b"\xff\xfei\x00d", r"no column|not utf-16"),
        ("a.txt", b"caf\xe9\n", r"line 1, byte 4"),
        ("a.json", '[{"id": 1, "text": "a"},\n', r"no JSON: .*line"),
        ("a.json", '[\n{"x":' + "[" * 100_000, r"nested too deeply"),
        ("a.csv.gz", gzip.compress(b"id,text\n1,a\n", mtime=0)[:-6], r"damaged gzip"),
        ("a.xlsx", b"PK\x03\x04....", r"an Excel workbook: unpack it, or save the sheet as CSV"),
        ("a.parquet", b"PAR1junk", r"not a Parquet file"),
        ("a.bin", b"junk", r"not known from its name or its beginning"),
    ],
)
def test_what_cannot_be_read_is_refused_in_one_line_with_its_place(
    tmp_path: Path, name: str, content: bytes | str, said: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(TweetFileError, match=said) as raised:
        rows(path)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)


def test_another_encoding_is_read_when_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1,café\n".encode("latin-1"))
    assert texts(rows(path, encoding="latin-1")) == ["café"]
    assert texts(rows(write(tmp_path, "a.jsonl", '{"text":"café"}\n'.encode("cp1252")), encoding="cp1252")) == ["café"]
    for name in ("latin-77", "hex"):
        with pytest.raises(TweetFileError, match=f"--encoding {name}: no such text encoding"):
            rows(path, encoding=name)
    with pytest.raises(TweetFileError, match=r"line 2, byte 14 of the file: 0xE9 is not ascii"):
        rows(path, encoding="ascii")


def test_a_line_that_is_no_object_keeps_its_place_and_its_bytes(tmp_path: Path) -> None:
    deep = b"[" * 100_000
    path = write(tmp_path, "a.jsonl", b'{"text":"a"}\n[1]\n{oops\n\xff\n' + deep)
    found = list(read_rows(path, ReadOptions()))
    assert [row.raw for row in found[1:]] == [b"[1]", b"{oops", b"\xff", deep]
    assert [row.where for row in found] == [f"line {number}" for number in range(1, 6)]
    assert "nested too deeply" in found[-1].wrong


COLUMNS: list[tuple[str, Any, list[Any]]] = [
    ("text", pa.array([text.encode() for text in TEXTS], pa.binary()), TEXTS),
    ("text", pa.array(TEXTS, pa.large_string()), TEXTS),
    ("text", pa.array(TEXTS).dictionary_encode(), TEXTS),
    ("text", pa.array([TEXTS[0], None]), [TEXTS[0], None]),
    ("id", pa.array([Decimal(1050118621198921728), None], pa.decimal128(20, 0)), [1050118621198921728, None]),
    ("id", pa.array([7.0, float("nan")]), [7, None]),
    ("id", pa.array([b"1", b"2"]), ["1", "2"]),
    ("created_at", pa.array([date(2026, 11, 28)] * 2), [date(2026, 11, 28)] * 2),
    (
        "created_at",
        pa.array([1_795_860_000_123_456_789, None], pa.timestamp("ns", "UTC")),
        [datetime(2026, 11, 28, 10, 0, 0, 123_456, tzinfo=UTC), None],
    ),
    ("created_at", pa.array([1_795_860_000] * 2), [1_795_860_000] * 2),
    ("user", pa.array([{"id": 7, "since": None}, None]), [{"id": 7, "since": None}, None]),
    ("author_id", pa.array([7.0, float("nan")]), [7.0, None]),
]


@pytest.mark.parametrize(("name", "column", "read"), COLUMNS)
def test_every_type_of_parquet_column_is_read(tmp_path: Path, name: str, column: Any, read: list[Any]) -> None:
    path = parquet(tmp_path, **({"text": TEXTS} | {name: column}))
    assert [row and row[name] for row in rows(path)] == read


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("created_at", pa.array([time(10)] * 2), r"column 'created_at' is of type time64\[us\]: expected RFC 3339"),
        ("date", pa.array([[1]] * 2), "column 'date' is of type list"),
        ("text", pa.array([1, 2]), "column 'text' is of type int64: expected text"),
        ("id", pa.array([True, False]), "column 'id' is of type bool: expected text or whole numbers"),
        ("text", pa.array([b"a", b"\xff"]), r"row 2: column 'text' is b'\\xff': byte 1 is not UTF-8"),
    ],
)
def test_a_parquet_column_of_no_use_is_refused_with_its_type(tmp_path: Path, name: str, column: Any, said: str) -> None:
    with pytest.raises(TweetFileError, match=said):
        rows(parquet(tmp_path, **({"text": TEXTS} | {name: column})))


def test_two_parquet_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.Table.from_arrays([pa.array(TEXTS)] * 2, names=["text", "text"]), path)
    with pytest.raises(TweetFileError, match="2 columns are called 'text'"):
        rows(path)


def test_a_folder_of_parts_is_one_file(tmp_path: Path) -> None:
    folder = tmp_path / "spark.parquet"
    parquet(folder, "label=negative/part-0.parquet", text=[TEXTS[0]])
    parquet(folder, "label=positive/part-1.parquet", text=[TEXTS[1]])
    for name in ("_SUCCESS", ".part-0.parquet.crc", "notes.md"):
        write(folder, name, "x")
    options = ReadOptions(columns=("label",), required=("text", "label"))
    found = list(read_rows(folder, options))
    assert [row.fields for row in found] == [
        {"text": text, "label": label} for text, label in zip(TEXTS, ("negative", "positive"), strict=True)
    ]
    assert found[1].where == "label=positive/part-1.parquet, row 1"
    assert options.notes.all() == [f"passed over in {folder}: notes.md"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(TweetFileError, match="a folder without"):
        rows(tmp_path / "empty")


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet"])
def test_a_pipe_is_read_as_what_it_begins_like(tmp_path: Path, kind: str) -> None:
    content = {
        "jsonl": b'{"text":"a"}\n',
        "csv": b"id,text\n1,a\n",
        "parquet": parquet(tmp_path, text=["a"]).read_bytes(),
    }[kind]
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[content])
    writer.start()
    assert texts(rows(pipe)) == ["a"]
    writer.join()


def test_an_id_that_has_lost_digits_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "a.csv", "id,text\n1.05012E+18,a\n2,b\n1.05012E+18,c\n1050118621198921728.0,d\n")
    options = ReadOptions()
    list(read_rows(path, options))
    (said,) = options.notes.all()
    assert said.startswith("3 ids have lost digits (row 1 (line 2): 1.05012E+18, row 3 (line 4)")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(max_size=60).map(lambda text: f"id,text\n{text}".encode("utf-8", "surrogatepass"))
    | st.text(alphabet='[]{}",:\\ \n1a', max_size=60).map(str.encode),
    st.sampled_from([*FORMATS, None]),
    st.sampled_from([None, "utf-16", "latin-1"]),
)
def test_any_bytes_are_rows_or_one_line(
    tmp_path: Path, content: bytes, file_format: str | None, encoding: str | None
) -> None:
    said = ""
    try:
        found = list(read_rows(write(tmp_path, "a", content), ReadOptions(encoding=encoding), file_format))
    except TweetFileError as error:
        said = str(error)
    else:
        assert all(row.fields is not None or row.raw is not None for row in found)
    assert len(said.splitlines()) <= 1
