"""Records of `tweets` from the rows of a file.

Nothing is judged here. A row that is no tweet is sent unchanged, and the worker gives it its place in the dead
letters: one judge, and nothing is lost on the way.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from contracts.errors import InvalidRecord, InvalidTweet
from contracts.events import decode_fields
from contracts.times import to_ms, to_rfc3339
from contracts.tweet_files.errors import shown
from contracts.tweet_files.reader import read_rows
from contracts.tweet_files.rows import ReadOptions, Row
from contracts.tweet_objects.dates import date_or_none
from contracts.tweet_objects.fields import checked, checked_date, checked_id
from contracts.tweet_objects.shapes import find, is_name

_DATES: Final = ("created_at", "date", "createdAt")
_RENAMED: Final = {"date": "created_at", "user": "author_id", "screen_name": "username"}


class Line(NamedTuple):
    """What becomes one record of `tweets`."""

    key: bytes
    value: bytes


def read_tweets(path: Path | None, file_format: str | None, options: ReadOptions | None = None) -> Iterator[Line]:
    """The records of a file, a folder, a pipe, or standard input when `path` is None or `-`.

    A line of JSON is sent unchanged; it gets an id where it has none.

    Raises:
        TweetFileError: as `contracts.tweet_files.reader.read_rows`.
    """
    options = options or ReadOptions()
    name = "-" if path is None or str(path) == "-" else path.name
    for number, row in enumerate(read_rows(path, options, file_format)):
        missing_id = hashlib.sha256(f"{name}:{number}".encode()).hexdigest()[:16]
        yield _line(row, missing_id, options)


def _line(row: Row, missing_id: str, options: ReadOptions) -> Line:
    if row.fields is None:
        return _unread(row, missing_id, options)
    is_object = row.raw is not None or any(isinstance(value, dict | list) for value in row.fields.values())
    identifier = _identifier(row, options, is_object=is_object)
    if row.raw is not None and identifier is not None:
        return Line(_key(identifier, missing_id), row.raw)
    tweet = dict(row.fields) if is_object else _flat(row, options)
    if identifier is None:
        tweet["id"] = identifier = missing_id
    try:
        written = json.dumps(tweet, ensure_ascii=False, default=_written, allow_nan=False)
    except ValueError:
        written = json.dumps(_finite(tweet), ensure_ascii=False, default=_written)
    return Line(_key(identifier, missing_id), written.encode("utf-8", "surrogatepass"))


def _unread(row: Row, missing_id: str, options: ReadOptions) -> Line:
    """A line that is no JSON; the worker may take it all the same, where a field that nothing needs is wrong."""
    try:
        return Line(_key(decode_fields(row.raw).id, missing_id), row.raw or b"")
    except InvalidRecord:
        options.notes.no_tweet(row.where, row.wrong)
        return Line(missing_id.encode(), row.raw or b"")


def _identifier(row: Row, options: ReadOptions, *, is_object: bool) -> Any:
    """The id, None where it has none; notes what the worker will refuse. Dates of flat rows are looked at later."""
    assert row.fields is not None
    identifier: Any = ...
    try:
        found = find(row.fields)
        identifier = found.identifier
        if identifier == "" or (isinstance(identifier, float) and not math.isfinite(identifier)):
            identifier = None
        if identifier is not None:
            checked_id(identifier)
        checked(found.text)
        if is_object:
            checked_date(found.created_at)
    except InvalidTweet as error:
        options.notes.no_tweet(row.where, str(error).removeprefix("not a tweet: ").partition(": expected")[0])
    return identifier


def _key(identifier: Any, missing_id: str) -> bytes:
    is_key = isinstance(identifier, str | int) and not isinstance(identifier, bool)
    return (str(identifier) if is_key else missing_id).encode("utf-8", "replace")


def _flat(row: Row, options: ReadOptions) -> dict[str, Any]:
    """A row of a table as a tweet: fields by the names of the X API, dates as RFC 3339, no empty ones."""
    assert row.fields is not None
    tweet: dict[str, Any] = {}
    for name, value in row.fields.items():
        if value in (None, "") and name != "text":
            continue
        if name in _DATES:
            options.notes.date(value, row.where)
            value = _date(value, row.where, options)
            if value is None:
                continue
        renamed = "username" if name == "user" and is_name(value) else _RENAMED.get(name, name)
        tweet[name if row.fields.get(renamed) not in (None, "") else renamed] = value
    return tweet


def _date(value: Any, where: str, options: ReadOptions) -> Any:
    """RFC 3339 where the value is a date, None where it stands for none, otherwise unchanged."""
    try:
        found = date_or_none(value)
        if found is None:
            options.notes.no_date(value, where)
            return None
        return to_rfc3339(to_ms(found))
    except (ValueError, OverflowError):
        options.notes.no_tweet(where, f"created_at is {shown(value)}, which is no date that can be read")
        return value


def _finite(value: Any) -> Any:
    """Without the numbers that JSON does not have: NaN is none, an infinity its name."""
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _written(value: Any) -> str:
    """What JSON has no form for: dates and bytes in fields that nothing needs."""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
