"""Tweets in CSV: strict quoting (RFC 4180), every row as long as the header."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any, Final

from contracts.tweet_files.errors import TweetFileError, first_line
from contracts.tweet_files.rows import Asked, Row
from contracts.tweet_files.source import Source

DELIMITERS: Final = (",", ";", "\t", "|")
_LONGEST_FIELD: Final = 64 * 1024 * 1024
"""Code points: Kafka refuses less, and says so."""
_QUOTES: Final = 'a quote inside a quoted field is written twice (""), not with a backslash'


def csv_rows(source: Source, asked: Asked) -> Iterator[Row]:
    """The rows; empty fields are None.

    Raises:
        TweetFileError: a column is missing or there twice, a quote is not closed, a row is longer or shorter than the
            header, a byte is of another encoding; names the line.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    lines = source.text_lines(asked.encoding)
    first = next(lines, "")
    reader = csv.reader(_again(first, lines), strict=True, delimiter=_delimiter(first, asked))
    records = _records(reader, source.name)
    header = next(records, None)
    if header is None:
        return
    names = [name.strip() for name in header[1]]
    wanted = asked.wanted(names, source.name)
    places = [(name, names.index(name)) for name in wanted]
    for number, (line, record) in enumerate(records, start=1):
        if len(record) != len(names):
            raise TweetFileError(
                f"{source.name}, line {line}: {len(record)} field{'s' * (len(record) != 1)}, the header has "
                f"{len(names)}: quote fields that hold the delimiter or a line break"
            )
        where = f"row {number} (line {line})"
        fields = {name: record[place] or None for name, place in places}
        for name in ("id_str", "id"):
            asked.notes.identifier(fields.get(name), where)
        yield Row(where, fields)


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _records(reader: Any, name: str) -> Iterator[tuple[int, list[str]]]:
    """The line in which each record begins, and its fields."""
    while True:
        begins = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            lines = f"lines {begins} to {reader.line_num}" if reader.line_num > begins else f"line {begins}"
            hint = _QUOTES
            if "unexpected end" in str(error):
                hint = f"a quote is opened there and never closed ({_QUOTES})"
            raise TweetFileError(f"{name}, {lines}: no CSV: {first_line(error)}: {hint}") from None
        if record:
            yield begins, record


def _delimiter(header: str, asked: Asked) -> str:
    """What parts the columns: the first that leaves a column which must be there."""
    required = {"text", "full_text", *asked.required}
    for delimiter in DELIMITERS:
        if required & {name.strip().strip('"') for name in header.rstrip("\r\n").split(delimiter)}:
            return delimiter
    return ","
