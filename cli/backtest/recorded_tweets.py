"""Recorded tweets from a file, checked row by row."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from contracts.times import to_ms

_NAMED: Final = 3
"""How many rows of each mistake are named."""
_LONGEST: Final = 10_000
_AUTHORS: Final = ("author_id", "user", "author")
_COLUMNS: Final = ("text", "created_at", "sentiment", "received_at", "date", "lang", "reliable", *_AUTHORS)
_FLAGS: Final = {"": None, "true": True, "false": False}
_LONGEST_FIELD: Final = 64 * 1024 * 1024


class RecordedError(BuzzwatchError):
    """A file of recorded tweets cannot be used. Names the file and what is wrong."""


@dataclass
class Recorded:
    """Tweets column by column, and which rows were left out."""

    texts: list[str] = field(default_factory=list)
    times_s: list[int] = field(default_factory=list)
    """`created_at`, seconds since 1970."""
    received_s: list[int | None] = field(default_factory=list)
    """`received_at`, where the file has it."""
    sentiments: list[str | None] = field(default_factory=list)
    """As in the file; None where it does not say."""
    langs: list[str | None] = field(default_factory=list)
    """BCP 47, as in the file."""
    reliable: list[bool | None] = field(default_factory=list)
    """Whether the model knows the language, where the file says so."""
    authors: list[str | None] = field(default_factory=list)
    """`author_id`, `user` or, as the scored topic has it, `author`; None where the file does not say."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Mistake → number of rows."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Mistake → its first rows, as people count them."""

    def skip(self, mistake: str, row: str) -> None:
        """Leave a row out."""
        self.skipped[mistake] += 1
        named = self.examples.setdefault(mistake, [])
        if len(named) < _NAMED:
            named.append(row)

    def complaints(self) -> list[str]:
        """One line for each kind of mistake."""
        return [
            f"{number:,} row{'s' if number > 1 else ''} left out: {mistake} "
            f"({', '.join(self.examples[mistake])}{', …' if number > len(self.examples[mistake]) else ''})"
            for mistake, number in self.skipped.most_common()
        ]


def read_recorded(path: Path) -> Recorded:
    """Read a Parquet, CSV or JSONL file with `text`, `created_at` and optionally `sentiment`, `lang`, `reliable`,
    `received_at` and `author_id` (or `user`).

    `date` stands for `created_at`, as it does for `buzzwatch produce`. Bad rows are left out, counted and named.

    Raises:
        RecordedError: there is no such file, it is of another kind, a column is missing, no row can be used.
    """
    if not path.is_file():
        raise RecordedError(f"{path}: no such file")
    readers: dict[str, Callable[[Path, Recorded], Iterator[tuple[str, dict[str, Any]]]]] = {
        ".parquet": _parquet,
        ".csv": _csv,
        ".jsonl": _jsonl,
    }
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise RecordedError(f"{path}: not a .parquet, .csv or .jsonl file")
    found = Recorded()
    for where, row in reader(path, found):
        _take(found, where, row)
    if not found.texts:
        raise RecordedError("; ".join([f"{path}: no tweet can be used", *found.complaints()]))
    return found


def _take(found: Recorded, where: str, row: dict[str, Any]) -> None:
    text, sentiment = row.get("text"), row.get("sentiment")
    created = row["created_at"] if row.get("created_at") is not None else row.get("date")
    if not isinstance(text, str) or not text.strip():
        return found.skip("no text", where)
    if len(text) > _LONGEST:
        return found.skip(f"a text of more than {_LONGEST:,} characters", where)
    created_ms, received = _ms(created), row.get("received_at")
    if created_ms is None:
        return found.skip("created_at is no date", where)
    received_ms = None if received in (None, "") else _ms(received)
    if received_ms is None and received not in (None, ""):
        return found.skip("received_at is no date", where)
    if sentiment not in (None, "") and sentiment not in SENTIMENTS:
        return found.skip(f"sentiment is none of {', '.join(SENTIMENTS)}", where)
    lang, reliable = row.get("lang"), _flag(row.get("reliable"))
    if not isinstance(lang, str | None):
        return found.skip("lang is no text", where)
    if not isinstance(reliable, bool | None):
        return found.skip("reliable is neither true nor false", where)
    found.texts.append(text)
    found.times_s.append(created_ms // 1000)
    found.received_s.append(None if received_ms is None else received_ms // 1000)
    found.sentiments.append(sentiment or None)
    found.langs.append(lang or None)
    found.reliable.append(reliable)
    author = next((row[name] for name in _AUTHORS if row.get(name) not in (None, "")), None)
    # A field that nothing needs costs no tweet: what is no id is an unknown author.
    found.authors.append(str(author) if isinstance(author, str | int) and not isinstance(author, bool) else None)
    return None


def _flag(value: Any) -> Any:
    """What a CSV file spells out; anything else as it is."""
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def _ms(value: Any) -> int | None:
    """Milliseconds since 1970; None when it is no date. Dates without an offset are UTC."""
    if isinstance(value, datetime):
        return to_ms(value)
    if not isinstance(value, str):
        return None
    try:
        return to_ms(datetime.fromisoformat(value))
    except ValueError:
        try:  # 2015-02-24 11:35:52 -0800
            return to_ms(datetime.strptime(value.strip(), "%Y-%m-%d %H:%M:%S %z"))
        except ValueError:
            return None


def _require(path: Path, names: Sequence[str]) -> None:
    for name in ("text", "created_at"):
        if name not in names and not (name == "created_at" and "date" in names):
            raise RecordedError(f"{path}: no column {name!r} (it has {', '.join(names) or 'none'})")


def _parquet(path: Path, _found: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise RecordedError(f"{path}: reading Parquet needs pyarrow: install buzzwatch[train]") from None
    try:
        file = pq.ParquetFile(path)
        names = file.schema_arrow.names
        _require(path, names)
        number = 0
        for batch in file.iter_batches(batch_size=8192, columns=[name for name in names if name in _COLUMNS]):
            for row in batch.to_pylist():
                number += 1
                yield f"row {number}", row
    except (pa.ArrowException, OSError) as error:
        raise RecordedError(f"{path}: not a Parquet file: {_first_line(error)}") from None


def _csv(path: Path, _found: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    csv.field_size_limit(_LONGEST_FIELD)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            _require(path, rows.fieldnames or ())
            for row in rows:
                yield f"line {rows.line_num}", row
        except (csv.Error, UnicodeDecodeError) as error:
            raise RecordedError(f"{path}, line {rows.line_num + 1}: not CSV: {_first_line(error)}") from None


def _jsonl(path: Path, found: Recorded) -> Iterator[tuple[str, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if isinstance(row, dict):
                yield f"line {number}", row
            else:
                found.skip("not a JSON object", f"line {number}")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
