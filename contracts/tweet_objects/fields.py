"""The fields of a tweet, each judged: what is needed must be usable, what is not is dropped where it is not."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from contracts.errors import InvalidTweet
from contracts.texts import MAX_ID, MAX_LANG, checked_text
from contracts.times import to_ms
from contracts.tweet_objects.dates import EXPECTED, date_or_none
from contracts.tweet_objects.shapes import find

_MOST: Final = 10**18
_EXACT: Final = 2**53
"""Whole numbers up to it are exact as floats."""
_SHOWN: Final = 40
NOBODY: Final = frozenset({"", "nan", "null", "none", "nil", "n/a", "na", "<na>", "undefined", "0", "-1", "-"})
"""What programs write for an author whom they do not know, in small letters: many tweets of nobody known are not one
voice."""
NAMED: Final = " @"
_BLANKS: Final = "".join(map(chr, range(33)))
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


class Fields(NamedTuple):
    """A tweet in plain fields."""

    id: str | int
    text: str
    """In NFC."""
    created_at: datetime | None
    author_id: str | None
    """Of an author who is known only by a user name `author_name` of it."""
    lang: str | None
    reach: int | None
    dropped: tuple[str, ...]
    """Fields that were there, were of no use and are not needed."""

    @property
    def created_at_ms(self) -> int | None:
        """Milliseconds since 1970 in UTC, None when the tweet has no date."""
        return None if self.created_at is None else to_ms(self.created_at)


def read_fields(tweet: Mapping[str, Any]) -> Fields:
    """The fields of an object of the X API (v1.1, v2, archive export), Bluesky or Mastodon, or of a flat row.

    Raises:
        InvalidTweet: `id` or `text` is missing, of another type, empty or too long, or `created_at` is no date.
    """
    found = find(tweet)
    identifier = checked_id(found.identifier)
    text = checked(found.text)
    dropped: list[str] = []
    return Fields(
        identifier,
        text,
        checked_date(found.created_at),
        author_of(found.authors, dropped, found.names),
        _lang(found.lang, dropped),
        _reach(found.reaches, dropped),
        tuple(dropped),
    )


def read_text(tweet: Mapping[str, Any]) -> str:
    """The full text of an object or of a flat row.

    Raises:
        InvalidTweet: it is missing, of another type, empty or too long.
    """
    return checked(find(tweet).text)


def checked_id(value: Any) -> str | int:
    """The id of a tweet as it is.

    Raises:
        InvalidTweet: it is missing, of another type, empty, too long, or has a lone surrogate.
    """
    if value is None:
        raise InvalidTweet("not a tweet: id is missing")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidTweet(f"not a tweet: id is {_shown(value)}: expected a string or a whole number")
    if isinstance(value, str) and not value:
        raise InvalidTweet("not a tweet: id is empty")
    length = len(str(value)) if isinstance(value, str) or abs(value) < 10**MAX_ID else MAX_ID + 1
    if length > MAX_ID:
        of = "digits" if isinstance(value, int) else "characters"
        raise InvalidTweet(f"not a tweet: id is longer than {MAX_ID} {of}")
    if isinstance(value, str) and not is_unicode(value):
        raise InvalidTweet("not a tweet: id has a lone surrogate")
    return value


def checked(text: Any) -> str:
    """`text` in NFC.

    Raises:
        InvalidTweet: it is missing, no string, empty, too long, or has a lone surrogate.
    """
    if text is None:
        raise InvalidTweet("not a tweet: text is missing")
    if not isinstance(text, str):
        raise InvalidTweet(f"not a tweet: text is {_shown(text)}: expected a string")
    try:
        return checked_text(text)
    except InvalidTweet as error:
        raise InvalidTweet(f"not a tweet: {error}") from None


def checked_date(value: Any) -> datetime | None:
    """The date of a tweet, None where it has none.

    Raises:
        InvalidTweet: it is no date.
    """
    try:
        return date_or_none(value)
    except (ValueError, OverflowError):
        raise InvalidTweet(f"not a tweet: created_at is {_shown(value)}: {EXPECTED}") from None


def author_name(name: str) -> str:
    """What identifies an author by a user name, however it is written (`@Ann`, `ann`): no id begins with a blank."""
    return NAMED + unicodedata.normalize("NFC", name.strip(_BLANKS).removeprefix("@").lower())


def author_of(candidates: Iterable[Any], dropped: list[str] | None = None, names: Iterable[Any] = ()) -> str | None:
    """The first usable id of an author, else the first user name; where none of several is usable, `author_id` is
    among `dropped`."""
    unusable = False
    for values, key_of in ((candidates, _id_key), (names, author_name)):
        for value in values:
            whole = _whole(value)
            written = value if whole is None else str(whole)
            if written is None or written == "":
                continue
            key = key_of(written) if isinstance(written, str) and is_unicode(written) else None
            if key is not None and key.removeprefix(NAMED).lower() in NOBODY:
                continue
            if key is not None and len(key) <= MAX_ID:
                return key
            unusable = True
    if unusable and dropped is not None:
        dropped.append("author_id")
    return None


def _id_key(written: str) -> str:
    return written.strip(_BLANKS)


def _lang(value: Any, dropped: list[str]) -> str | None:
    if value is None or (isinstance(value, str) and len(value) <= MAX_LANG and is_unicode(value)):
        return value
    dropped.append("lang")
    return None


def _reach(candidates: Iterable[Any], dropped: list[str]) -> int | None:
    unusable = False
    for value in candidates:
        if value is None or value == "":
            continue
        whole = int(value) if isinstance(value, str) and _DIGITS.fullmatch(value) else _whole(value)
        if whole is not None and 0 <= whole < _MOST:
            return whole
        unusable = True
    if unusable:
        dropped.append("reach")
    return None


def _whole(value: Any) -> int | None:
    """A whole number that is one exactly, also as a float."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) < 10**MAX_ID else None
    if isinstance(value, float) and value.is_integer() and abs(value) <= _EXACT:
        return int(value)
    return None


def is_unicode(value: str) -> bool:
    """Whether it has no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"
