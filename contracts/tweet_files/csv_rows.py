"""Tweets in CSV: strict quoting (RFC 4180), every row as long as the header."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from typing import Any, Final

from contracts.tweet_files.errors import TweetFileError, first_line
from contracts.tweet_files.rows import ReadOptions, Row
from contracts.tweet_files.source import Source

DELIMITERS: Final = (",", ";", "\t", "|")
_LONGEST_FIELD: Final = 64 * 1024 * 1024
"""Code points: Kafka refuses longer ones itself, with a reason."""
_SEPARATOR: Final = re.compile(r'"?sep=([,;|\t])"?\r*\n?', re.IGNORECASE)
"""The line that gives Excel the delimiter."""
_LINE_END: Final = re.compile(r"(?<=\r)(?!\n)")
_QUOTES: Final = 'a quote inside a quoted field is written twice (""), not with a backslash'


def csv_rows(source: Source, options: ReadOptions) -> Iterator[Row]:
    """The rows; empty fields are None.

    Raises:
        TweetFileError: a column is missing or there twice, a quote is not closed, a row is longer or shorter than the
            header, a byte is of another encoding; names the line.
    """
    csv.field_size_limit(_LONGEST_FIELD)
    lines = source.text_lines(options.encoding)
    first = next(lines, "")
    if "\r" in first.rstrip("\r\n"):  # the line ends of old Macs: all of the file is one line
        lines = (line for several in _again(first, lines) for line in _LINE_END.split(several) if line)
        first = next(lines, "")
    separator, skipped = _SEPARATOR.fullmatch(first), 0
    if separator is not None:
        first, skipped = next(lines, ""), 1
    lines = _again(first, lines)
    delimiter = separator.group(1) if separator is not None else _delimiter(first.partition("\r")[0], options)
    records = _records(csv.reader(lines, strict=True, delimiter=delimiter), source.name, skipped)
    header = next(records, None)
    if header is None:
        return
    names = [name.strip() for name in header[1]]
    selected = options.selected_columns(names, source.name)
    places = [(name, names.index(name)) for name in selected]
    for number, (line, record) in enumerate(records, start=1):
        if len(record) != len(names):
            raise TweetFileError(
                f"{source.name}, line {line}: {len(record)} field{'s' * (len(record) != 1)}, the header has "
                f"{len(names)}: quote fields that hold the delimiter or a line break"
            )
        where = f"row {number} (line {line})"
        if len(names) > 1 and record == header[1]:
            options.notes.lines.append(f"{where} repeats the header, as in files that were joined: passed over")
            continue
        fields = {name: record[place] or None for name, place in places}
        for name in ("id_str", "id"):
            options.notes.identifier(fields.get(name), where)
        yield Row(where, fields)


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _records(reader: Any, name: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """The line in which each record begins, and its fields."""
    while True:
        begins = reader.line_num + 1 + skipped
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            ends = reader.line_num + skipped
            lines = f"lines {begins} to {ends}" if ends > begins else f"line {begins}"
            raise TweetFileError(f"{name}, {lines}: no CSV: {_hint(error)}") from None
        if record:
            yield begins, record


def _hint(error: csv.Error) -> str:
    """What is wrong and what to do, for an error of Python's reader."""
    message = first_line(error)
    if "unexpected end" in message:
        return f"{message}: a quote is opened there and never closed ({_QUOTES})"
    if "new-line character" in message:
        return "a carriage return in a field that is not quoted: quote the field, or end lines with \\n or \\r\\n"
    if "field limit" in message:
        return f"a field above {_LONGEST_FIELD:,} characters: is a quote opened there and never closed?"
    return f"{message}: {_QUOTES}"


def _delimiter(header: str, options: ReadOptions) -> str:
    """What parts the columns: the first that leaves a column which must be there."""
    required = {"text", "full_text", *options.required}
    for delimiter in DELIMITERS:
        if required & {name.strip().strip('"') for name in header.rstrip("\r\n").split(delimiter)}:
            return delimiter
    return ","
