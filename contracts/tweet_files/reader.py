"""Rows of tweets from whatever a command was given."""

from __future__ import annotations

import io
import os
import re
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from contracts.tweet_files.csv_rows import csv_rows
from contracts.tweet_files.errors import TweetFileError, no_column
from contracts.tweet_files.json_rows import json_rows
from contracts.tweet_files.parquet_rows import parquet_rows
from contracts.tweet_files.rows import ReadOptions, Row
from contracts.tweet_files.source import Source, checked_encoding, checked_path, opened
from contracts.tweet_objects.shapes import NEEDED

FORMATS: Final = ("jsonl", "json", "csv", "parquet", "text")
_SUFFIXES: Final = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".js": "json",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".txt": "text",
}
_HIVE_NULL: Final = "__HIVE_DEFAULT_PARTITION__"
KINDS: Final = "JSONL, JSON, CSV, Parquet or plain text"


def read_rows(path: Path | None, options: ReadOptions, file_format: str | None = None) -> Iterator[Row]:
    """The rows of a file, a folder of parts, a pipe, or standard input when `path` is None or `-`.

    What it is says `file_format`, else the name (`tweets.csv.gz` is CSV), else how it begins.

    Raises:
        TweetFileError: it cannot be read; one line with file, line or row, column, value and what to do. A structure
            that is wrong later in the file is found when its line is reached.
    """
    checked_encoding(options.encoding)
    if file_format is not None and file_format not in FORMATS:
        raise TweetFileError(f"--format {file_format}: it is one of {', '.join(FORMATS)}")
    if path is None or str(path) == "-":
        yield from _one(None, options, file_format, {})
        return
    checked_path(path)
    if not path.is_dir():
        yield from _one(path, options, file_format, {})
        return
    for part in _parts(path, options, file_format):
        for row in _one(part, options, file_format, _partition(part.relative_to(path), options)):
            yield row._replace(where=f"{part.relative_to(path)}, {row.where}")


def _one(
    path: Path | None, options: ReadOptions, file_format: str | None, known: dict[str, str | None]
) -> Iterator[Row]:
    chosen = file_format or (None if path is None else named_format(path))
    if chosen == "parquet" and path is not None and path.is_file():  # not read into memory as a whole
        yield from parquet_rows(path, options, str(path), known)
        return
    with opened(path) as source:
        chosen = chosen or _sniffed(source)
        if chosen == "parquet":
            yield from parquet_rows(io.BytesIO(source.everything()), options, source.name, known)
            return
        if source.head.startswith(b"PAR1"):
            raise TweetFileError(f"{source.name}: a Parquet file, not {chosen}: name it .parquet")
        rows = csv_rows(source, options) if chosen == "csv" else _others(source, options, chosen)
        for row in rows:
            yield row if not known or row.fields is None else row._replace(fields={**known, **row.fields})


def _others(source: Source, options: ReadOptions, chosen: str) -> Iterator[Row]:
    if chosen != "text":
        return json_rows(source, options, is_lines=chosen == "jsonl")
    for name in options.required:
        if name != "text":
            raise no_column(f"{source.name}: plain lines", name, ["text"])
    # A file of an old Mac is one line to Python: its line ends are carriage returns.
    lines = (one for line in source.text_lines(options.encoding) for one in line.rstrip("\r\n").split("\r"))
    return (Row(f"line {number}", {"text": line.strip()}) for number, line in enumerate(lines, start=1) if line.strip())


def named_format(path: Path) -> str | None:
    """The format that the name stands for."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return _SUFFIXES.get(suffixes[-1]) if suffixes else None


def _sniffed(source: Source) -> str:
    """What something without a telling name begins like; standard input is JSONL when it begins like nothing known."""
    if source.head.startswith(b"PAR1"):
        return "parquet"
    begins = source.head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if begins[:1] in (b"{", b"[") or begins.startswith((b"window.", b"Grailbird.")):
        return "json" if begins[:1] != b"{" else "jsonl"
    header = {name.strip(' "\r') for name in re.split(r"[,;\t|]", begins.split(b"\n")[0].decode("utf-8", "replace"))}
    if header & {"text", "full_text"}:
        return "csv"
    if source.name == "standard input" or not begins:
        return "jsonl"
    raise TweetFileError(f"{source.name}: its format is not known from its name or its beginning: expected {KINDS}")


def _parts(folder: Path, options: ReadOptions, file_format: str | None) -> list[Path]:
    """The files of a folder of parts, as Spark, Dask and Hive write them: what begins with `_` or `.` is none."""
    visible = sorted(_visible(folder))
    parts = [file for file in visible if file_format is not None or _is_part(file)]
    if not parts:
        bare = [file.name for file in visible if not file.suffix]
        hint = f" (it has {', '.join(bare[:2])}{', …' if len(bare) > 2 else ''}: say what they are with --format)"
        raise TweetFileError(f"{folder}: a folder without JSONL, JSON, CSV or Parquet files{hint if bare else ''}")
    others = [str(file.relative_to(folder)) for file in visible if file not in set(parts)]
    if others:
        options.notes.lines.append(
            f"passed over in {folder}: {', '.join(others[:3])}{', …' if len(others) > 3 else ''}"
        )
    return parts


def _visible(folder: Path) -> Iterator[Path]:
    # `rglob` would pass over a folder that may not be read, with all that is in it.
    for root, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if name[0] not in "_."]
        yield from (file for name in files if name[0] not in "_." and (file := Path(root, name)).is_file())


def _refuse(error: OSError) -> None:
    raise TweetFileError(f"{error.filename}: {error.strerror}")


def _is_part(file: Path) -> bool:
    """Whether a file in a folder may hold tweets; of X's archive only those that are called so."""
    if file.suffix.lower() == ".js":
        return file.name.startswith("tweet")
    return named_format(file) not in (None, "text")


def _partition(part: Path, options: ReadOptions) -> dict[str, str | None]:
    """Columns in the names of folders, `label=negative/part-0.parquet`, written as Hive writes them."""
    pairs = (name.split("=", 1) for name in part.parts[:-1] if "=" in name)
    return {
        name: None if value == _HIVE_NULL else urllib.parse.unquote(value)
        for name, value in pairs
        if options.columns is None or name in NEEDED or name in options.columns
    }
