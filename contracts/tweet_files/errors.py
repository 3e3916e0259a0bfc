"""What can be wrong with a file."""

from __future__ import annotations

from collections.abc import Iterable

from contracts.errors import BuzzwatchError
from contracts.printable import printable_line

_SHOWN = 40


class TweetFileError(BuzzwatchError):
    """A file of tweets that cannot be read. One line that names the file, the line or row, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(printable_line(message))  # the name of a file may hold line ends


def first_line(error: BaseException) -> str:
    """The first line of an error's message; the name of its class where it has none."""
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__


def shown(value: object) -> str:
    """A value as an error shows it: short, control characters escaped."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def no_column(name: str, missing: str, columns: Iterable[str]) -> TweetFileError:
    """The error about a column that a table must have."""
    has = ", ".join(column if column.isprintable() else repr(column) for column in columns)
    return TweetFileError(f"{name}: no column {missing!r} (it has {has[:200] or 'none'})")
