"""One tweet of a file, and a reader's notes about a file that it can read."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from contracts.times import to_ms, to_rfc3339
from contracts.tweet_files.errors import TweetFileError, no_column, shown
from contracts.tweet_objects.dates import UNITS, read_date, units_of
from contracts.tweet_objects.shapes import NEEDED

_NAMED: Final = 3
# What a spreadsheet, or a column of floats, makes of an id of 19 digits.
_LOST: Final = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+|\d{16,}\.0+")
_EXACT: Final = 2**53
"""Whole numbers up to it are exact as floats."""


class Row(NamedTuple):
    """One tweet, or what stands in its place."""

    where: str
    """As people count: `line 3`, `row 2 (line 3)`."""
    fields: Mapping[str, Any] | None
    """None: no JSON object."""
    raw: bytes | None = None
    """The JSON unchanged, where it is a line of JSONL."""
    wrong: str = ""
    """Why there are no fields."""


@dataclass
class Notes:
    """What was read in a way that the owner of the file should know of."""

    lines: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """The first rows whose id has lost digits."""
    lost_count: int = 0
    dead: list[str] = field(default_factory=list)
    """The first rows that are no tweets as they are, and why."""
    dead_count: int = 0
    units: set[str] = field(default_factory=set)
    zeros: list[str] = field(default_factory=list)
    """The first rows whose date is a zero."""
    zero_count: int = 0
    error_count: int = 0
    first_error: str = ""

    def no_tweet(self, where: str, why: str) -> None:
        """Say that the worker will put this row into the dead letters."""
        self.dead_count += 1
        if len(self.dead) < _NAMED:
            self.dead.append(f"{where}: {why}")

    def identifier(self, value: Any, where: str) -> None:
        """Look whether an id has lost digits on its way into the file."""
        is_lost = isinstance(value, float) and abs(value) > _EXACT
        if is_lost or (isinstance(value, str) and _LOST.fullmatch(value)):
            self.lost_count += 1
            if len(self.lost) < _NAMED:
                self.lost.append(f"{where}: {value}")

    def not_given(self, where: str, number: int, title: Any) -> None:
        """Say that a page of the X API has errors in place of tweets."""
        if not self.error_count:
            self.first_error = f"{where}: {shown(title)}"
        self.error_count += number

    def no_date(self, value: Any, where: str) -> None:
        """Say that a zero is taken for no date; blanks and words for none need no note."""
        written = str(value)
        if len(written) >= len("1970-01-01"):
            self.zero_count += 1
            if len(self.zeros) < _NAMED:
                self.zeros.append(f"{where}: {written}")

    def date(self, value: Any, where: str) -> None:
        """Say once in which unit numbers since 1970 are read."""
        units = units_of(value)
        if units is not None and UNITS[units] not in self.units:
            self.units.add(UNITS[units])
            moment = to_rfc3339(to_ms(read_date(value)))
            self.lines.append(f"created_at is read as {UNITS[units]} since 1970 ({where}: {value} is {moment})")

    def all(self) -> list[str]:
        """One line each."""
        lines = list(self.lines)
        if self.dead_count:
            rows = "1 row is no tweet" if self.dead_count == 1 else f"{self.dead_count:,} rows are no tweets"
            more = "; …" if self.dead_count > len(self.dead) else ""
            lines.append(f"{rows} and will be among the dead letters ({'; '.join(self.dead)}{more})")
        if self.zero_count:
            rows = "1 date is a zero" if self.zero_count == 1 else f"{self.zero_count:,} dates are zeros"
            more = ", …" if self.zero_count > len(self.zeros) else ""
            lines.append(f"{rows} ({', '.join(self.zeros)}{more}), as programs write for none: taken for no date")
        if self.error_count:
            tweets = "1 tweet" if self.error_count == 1 else f"{self.error_count:,} tweets"
            lines.append(f"{tweets} the API did not give (deleted, withheld or private; {self.first_error})")
        if not self.lost_count:
            return lines
        rows = "1 id has" if self.lost_count == 1 else f"{self.lost_count:,} ids have"
        more = ", …" if self.lost_count > len(self.lost) else ""
        return [
            *lines,
            f"{rows} lost digits ({', '.join(self.lost)}{more}), as spreadsheets and columns of floats do: tweets may "
            "share an id, and so a prediction id; export the ids as text",
        ]


@dataclass(frozen=True)
class ReadOptions:
    """What a command needs of a file.

    Args:
        columns: fields that it reads beside those of a tweet; None for all.
        required: of these a table must have each; `text` stands for all fields that can hold the text.
        fields: those of a tweet that it reads; of a table no other column is looked at.
        encoding: of text files, where they are not UTF-8.
        notes: takes the reader's notes.
    """

    columns: Collection[str] | None = ()
    required: Collection[str] = ("text",)
    fields: Collection[str] = NEEDED
    encoding: str | None = None
    notes: Notes = field(default_factory=Notes)

    def selected_columns(self, names: Collection[str], file: str, known: Collection[str] = ()) -> list[str]:
        """Those of a table's columns that are read.

        Args:
            names: of its columns.
            file: as errors name it.
            known: columns that need not be in the table, as its folder's name holds them.

        Raises:
            TweetFileError: one is missing, or is there twice.
        """
        for name in self.required:
            stands_for = {"text": ("text", "full_text"), "created_at": ("created_at", "date", "createdAt")}
            if not any(one in names or one in known for one in stands_for.get(name, (name,))):
                raise no_column(file, name, names)
        selected = [name for name in names if self.columns is None or name in self.fields or name in self.columns]
        for name in selected:
            if selected.count(name) > 1:
                raise TweetFileError(
                    f"{file}: {selected.count(name)} columns are called {name!r}: rename or remove one"
                )
        return selected


def refuse(file: str, where: str, column: str, value: object, expected: str) -> TweetFileError:
    """The error about one value of a table."""
    return TweetFileError(f"{file}, {where}: column {column!r} is {shown(value)}: {expected}")
