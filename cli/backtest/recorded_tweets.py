"""Recorded tweets from a file, checked row by row."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contracts.errors import BuzzwatchError, InvalidTweet
from contracts.events import SENTIMENTS
from contracts.times import to_ms
from contracts.tweet_files.errors import TweetFileError
from contracts.tweet_files.reader import read_rows
from contracts.tweet_files.rows import ReadOptions
from contracts.tweet_objects.dates import date_or_none
from contracts.tweet_objects.fields import author_of, checked
from contracts.tweet_objects.shapes import find

_NAMED: Final = 3
"""How many rows of each mistake are named."""
_FLAGS: Final = {"": None, "true": True, "false": False}


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
    confidences: list[float | None] = field(default_factory=list)
    """How sure the model was of the sentiment, as in the file; None where it does not say."""
    theme_sentiments: list[Mapping[str, str] | None] = field(default_factory=list)
    """What is felt about each theme, as in the file; None where it does not say."""
    langs: list[str | None] = field(default_factory=list)
    """BCP 47, as in the file."""
    reliable: list[bool | None] = field(default_factory=list)
    """Whether the model knows the language, where the file says so."""
    authors: list[str | None] = field(default_factory=list)
    """`author_id`, `user`, a user name or, as the scored topic has it, `author`; None where the file has none."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Mistake → number of rows."""
    examples: dict[str, list[str]] = field(default_factory=dict)
    """Mistake → its first rows, as people count them."""
    notes: list[str] = field(default_factory=list)
    """What was read in a way that the owner of the file should know of."""

    def skip(self, mistake: str, row: str) -> None:
        """Leave a row out."""
        self.skipped[mistake] += 1
        named = self.examples.setdefault(mistake, [])
        if len(named) < _NAMED:
            named.append(row)

    def complaints(self) -> list[str]:
        """One line for each kind of mistake."""
        return self.notes + [
            f"{number:,} row{'s' if number > 1 else ''} left out: {mistake} "
            f"({', '.join(self.examples[mistake])}{', …' if number > len(self.examples[mistake]) else ''})"
            for mistake, number in self.skipped.most_common()
        ]


def read_recorded(path: Path, encoding: str | None = None) -> Recorded:
    """Read a file, a folder of parts or a pipe with `text`, `created_at` and optionally `sentiment`, `confidence`,
    `theme_sentiments`, `lang`, `reliable`, `received_at` and `author_id` (or `user`); objects of the networks, too.

    Bad rows are left out, counted and named.

    Raises:
        RecordedError: there is no such file, its structure is wrong, a column is missing, no row can be used.
    """
    options = ReadOptions(
        columns=("sentiment", "confidence", "theme_sentiments", "received_at", "reliable"),
        required=("text", "created_at"),
        encoding=encoding,
    )
    found = Recorded()
    try:
        for row in read_rows(path, options):
            if row.fields is None:
                found.skip(row.wrong if row.wrong.startswith("JSON that") else "not a JSON object", row.where)
                continue
            try:
                _take(found, row.where, row.fields, options)
            except InvalidTweet as error:
                found.skip(str(error).removeprefix("not a tweet: "), row.where)
    except TweetFileError as error:
        raise RecordedError(str(error)) from None
    found.notes = options.notes.all()
    if not found.texts:
        raise RecordedError("; ".join([f"{path}: no tweet can be used", *found.complaints()]))
    return found


def _take(found: Recorded, where: str, row: Mapping[str, Any], options: ReadOptions) -> None:
    tweet = find(row)
    text, sentiment = checked(tweet.text), row.get("sentiment")
    created_ms, received = _ms(tweet.created_at), row.get("received_at")
    if created_ms is None:
        return found.skip("created_at is no date", where)
    received_ms = None if received in (None, "") else _ms(received)
    if received_ms is None and received not in (None, ""):
        return found.skip("received_at is no date", where)
    if sentiment not in (None, "") and sentiment not in SENTIMENTS:
        return found.skip(f"sentiment is none of {', '.join(SENTIMENTS)}", where)
    reliable = _flag(row.get("reliable"))
    if not isinstance(reliable, bool | None):
        return found.skip("reliable is neither true nor false", where)
    confidence = _share(row.get("confidence"))
    if confidence is not None and not 0 <= confidence <= 1:
        return found.skip("confidence is no number from 0 to 1", where)
    felt = _felt(row.get("theme_sentiments"))
    if felt is None:
        return found.skip(f"theme_sentiments is no object of themes with {', '.join(SENTIMENTS)}", where)
    options.notes.date(tweet.created_at, where)
    lang = tweet.lang if isinstance(tweet.lang, str) else None  # of another type it is ignored, as in the worker
    found.texts.append(text)
    found.times_s.append(created_ms // 1000)
    found.received_s.append(None if received_ms is None else received_ms // 1000)
    found.sentiments.append(sentiment or None)
    found.confidences.append(confidence)
    found.theme_sentiments.append(felt or None)
    found.langs.append(lang or None)
    found.reliable.append(reliable)
    found.authors.append(author_of(tweet.authors, names=tweet.names))
    return None


def _flag(value: Any) -> Any:
    """What a CSV file spells out; anything else as it is."""
    return _FLAGS.get(value.lower(), value) if isinstance(value, str) else value


def _felt(value: Any) -> Mapping[str, str] | None:
    """Themes with what is felt about them, also written as JSON in a cell; None when it is something else."""
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping) or not all(label is None or label in SENTIMENTS for label in value.values()):
        return None
    # Parquet has a column for every theme of the file, empty where a tweet is not about it.
    return {str(theme): label for theme, label in value.items() if label is not None}


def _share(value: Any) -> float | None:
    """None where it is missing, NaN where it is no number."""
    if value in (None, ""):
        return None
    try:
        return math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return math.nan


def _ms(value: Any) -> int | None:
    """Milliseconds since 1970; None when it is no date."""
    try:
        found = date_or_none(value)
        return None if found is None else to_ms(found)
    except (ValueError, OverflowError):
        return None
