"""Tweets from files: JSONL, CSV, Parquet, plain lines, standard input.

Nothing is judged here. A line that is no tweet is handed on as it came, and the worker gives it its place in the
dead letters: one judge, and nothing is lost on the way.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from contracts.errors import BuzzwatchError
from contracts.times import to_ms, to_rfc3339

FORMATS: Final = ("jsonl", "csv", "parquet", "text")
_SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".parquet": "parquet",
    ".txt": "text",
}
_FIELDS: Final = ("id", "text", "created_at", "author_id", "lang")
_RENAMED: Final = {"date": "created_at", "user": "author_id"}
_LONGEST_FIELD: Final = 64 * 1024 * 1024
"""Longest CSV field, code points: Kafka refuses less, and says so."""
_OFFSET: Final = re.compile(r" ?([+-]\d\d):?(\d\d)$")


class TweetFileError(BuzzwatchError):
    """A file of tweets that cannot be read at all."""


class Line(NamedTuple):
    """What becomes one record of `tweets`."""

    key: bytes
    value: bytes


def read_tweets(path: Path | None, file_format: str | None) -> Iterator[Line]:
    """Read a file, or standard input when `path` is None or `-`.

    Raises:
        TweetFileError: there is no such file, the format is unknown, a column is missing.
    """
    is_stdin = path is None or str(path) == "-"
    name = "-" if path is None or is_stdin else path.name
    chosen = file_format or ("jsonl" if path is None or is_stdin else _SUFFIXES.get(path.suffix.lower()))
    if chosen not in FORMATS:
        raise TweetFileError(f"{name}: say what it is with --format {'|'.join(FORMATS)}")
    reader: dict[str, Callable[[Path | None], Iterator[Any]]] = {
        "jsonl": _json_lines,
        "csv": _csv_rows,
        "parquet": _parquet_rows,
        "text": _text_lines,
    }
    source = None if is_stdin else path
    if source is not None and not source.is_file():
        raise TweetFileError(f"{source}: there is no such file")
    for number, row in enumerate(reader[chosen](source)):
        yield _line(row, name, number)


def _line(row: Mapping[str, Any] | bytes, name: str, number: int) -> Line:
    missing_id = hashlib.sha256(f"{name}:{number}".encode()).hexdigest()[:16]
    if isinstance(row, bytes):
        return Line(missing_id.encode(), row)
    tweet = {_RENAMED.get(field, field) if _RENAMED.get(field) not in row else field: row[field] for field in row}
    tweet = {field: value for field, value in tweet.items() if field == "text" or value not in (None, "")}
    identifier = tweet.setdefault("id", missing_id)
    if isinstance(tweet.get("created_at"), str | datetime):
        tweet["created_at"] = _date(tweet["created_at"])
    key = str(identifier) if isinstance(identifier, str | int) else missing_id
    return Line(key.encode("utf-8", "replace"), json.dumps(tweet, ensure_ascii=False).encode("utf-8", "surrogatepass"))


def _date(value: str | datetime) -> str:
    """RFC 3339 where the value is a date; `2015-02-24 11:35:52 -0800` is one too. Otherwise as it came."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(_OFFSET.sub(r"\1:\2", value.strip()))
        except ValueError:
            return str(value)
    return to_rfc3339(to_ms(value))


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes]]:
    if path is None:
        yield sys.stdin.buffer
    else:
        with path.open("rb") as file:
            yield file


def _json_lines(path: Path | None) -> Iterator[Mapping[str, Any] | bytes]:
    with _opened(path) as file:
        for raw in file:
            line = raw.rstrip(b"\r\n")
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            yield row if isinstance(row, dict) else line


def _text_lines(path: Path | None) -> Iterator[Mapping[str, Any]]:
    with _opened(path) as file:
        for raw in file:
            text = raw.decode("utf-8", "replace").strip()
            if text:
                yield {"text": text}


def _csv_rows(path: Path | None) -> Iterator[Mapping[str, Any]]:
    with _opened(path) as file:
        lines = (raw.decode("utf-8-sig" if index == 0 else "utf-8", "replace") for index, raw in enumerate(file))
        csv.field_size_limit(_LONGEST_FIELD)
        rows = csv.DictReader(lines)
        try:
            _require_text(rows.fieldnames or (), path)
            for row in rows:
                yield {field: row[field] for field in row if field in _FIELDS or field in _RENAMED}
        except csv.Error as error:
            raise TweetFileError(f"{path or 'standard input'}:{rows.line_num}: no CSV: {error}") from None


def _parquet_rows(path: Path | None) -> Iterator[Mapping[str, Any]]:
    if path is None:
        raise TweetFileError("Parquet cannot be read from standard input: name a file")
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise TweetFileError("reading Parquet needs pyarrow: pip install 'buzzwatch[train]'") from None
    try:
        table = pq.ParquetFile(path)
    except (pa.ArrowException, OSError) as error:
        raise TweetFileError(f"{path}: no Parquet file: {str(error).splitlines()[0]}") from None
    names = table.schema_arrow.names
    _require_text(names, path)
    columns = [name for name in names if name in _FIELDS or name in _RENAMED]
    for batch in table.iter_batches(batch_size=4096, columns=columns):
        yield from batch.to_pylist()


def _require_text(names: Any, path: Path | None) -> None:
    if "text" not in names:
        raise TweetFileError(
            f"{path or 'standard input'}: there is no column 'text' (columns: {', '.join(names) or 'none'})"
        )
