"""Dates as tweets have them: RFC 3339, ISO 8601, Twitter's own, those of mail, numbers since 1970."""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final

from contracts.times import to_ms

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# `2015-02-24 11:35:52 -0800`: an offset behind a blank, without a colon.
_OFFSET: Final = re.compile(r" ?([+-]\d\d):?(\d\d)$")
# RFC 3339 allows a small `z`; databases write `2026-11-28 10:00:00 UTC`.
_ZULU: Final = re.compile(r"(?<=\d) ?(?:Z|UTC|GMT)$", re.IGNORECASE)
# Seconds since 1970 in a column that pandas took for floats: `1764324000.0`.
_NUMBER: Final = re.compile(r"([0-9]{9,19})(?:\.([0-9]{1,9}))?")
# `Wed Oct 10 20:19:24 +0000 2018`. Not by strptime: that reads the names of the process's locale.
_TWITTER: Final = re.compile(
    r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun) ([A-Z][a-z]{2}) (\d\d?) (\d\d):(\d\d):(\d\d) "
    r"(?:([+-])(\d\d)(\d\d)|UTC|GMT) (\d{4})"
)
# RFC 3339 counts a leap second as the sixtieth; Python's clock has none.
_LEAP_SECOND: Final = re.compile(r"(.{10}[T ]\d\d:\d\d):60(.*)")
# `Sat, 28 Nov 2026 10:00:00 GMT` of mail, feeds and HTTP (RFC 5322, 3.3): the day's name may be missing.
_MAIL: Final = re.compile(
    r"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), )?(\d\d?) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d)(?::(\d\d))? "
    r"(?:([+-])(\d\d)(\d\d)|UTC|GMT|UT|Z)"
)
# `20261128100000` of archives and databases.
_DIGITS: Final = re.compile(r"((?:19|20)\d{6})(\d{6})")
# What stands behind an offset: the name of the zone in Go and in RFC 9557.
_ZONE_NAME: Final = re.compile(r"(?<=[Z\d])(?:(?<=[+-]\d{4}) [A-Z]{3,5}|\[!?[A-Za-z0-9_+/-]+\])$")
_MIDNIGHT: Final = re.compile(r"(.{10})[T ]24:00(?::00(?:\.0+)?)?(.*)")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PER_SECOND: Final = {9: 1, 10: 1, 12: 10**3, 13: 10**3, 15: 10**6, 16: 10**6, 18: 10**9, 19: 10**9}
"""Digits of a number since 1970 → its units a second, for the years 1973 to 2286."""
UNITS: Final = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}
NO_DATE: Final = frozenset(
    {"", "nan", "nat", "null", "none", "nil", "n/a", "na", "<na>", "undefined", "0", "-1", "-"}
    | {"0000-00-00", "0000-00-00 00:00:00"}
)
"""What programs write for a date that they do not have, in small letters; the last two are MySQL's."""
_FIRST_MS: Final = to_ms(datetime(1, 1, 1, tzinfo=UTC))
"""The zero of times in Go and .NET; that of most other programs is 1970."""
EXPECTED: Final = (
    "expected RFC 3339 (2026-11-28T10:00:00Z), Twitter's own form (Wed Oct 10 20:19:24 +0000 2018), or seconds or "
    "milliseconds since 1970"
)


def date_or_none(value: Any) -> datetime | None:
    """The date in `value`; None where that is what programs write for none: blanks, `nan`, `NaT`, `null`, 0, -1, and
    the seconds in which 1970 and the year 1 began.

    Raises:
        ValueError, OverflowError: as `read_date`.
    """
    if value is None or (isinstance(value, str) and value.strip().lower() in NO_DATE):
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and (value in (0, -1) or value != value):
        return None
    found = read_date(value)
    ms = to_ms(found)
    return None if 0 <= ms < 1000 or ms < _FIRST_MS + 1000 else found


def read_date(value: Any) -> datetime:
    """The date in `value`; one without an offset is UTC, a day is its first moment.

    Numbers count from 1970, in the unit of their number of digits (9 or 10: seconds, 12 or 13: milliseconds,
    15 or 16: microseconds, 18 or 19: nanoseconds); a string of so many digits is such a number.

    Raises:
        ValueError: it is no date. Its message has the reason only where `datetime` has a reason.
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    if isinstance(value, str):
        text = value.strip()
        number = _NUMBER.fullmatch(text)
        per_second = units_of(text)
        if number is None or per_second is None:
            return _written(text)
        return _since_1970(float(text) if number.group(2) else int(text), per_second)
    per_second = units_of(value)
    if per_second is None:
        raise ValueError("no date")
    return _since_1970(value, per_second)


def units_of(value: Any) -> int | None:
    """Units a second of a number since 1970 (1: seconds, 1,000: milliseconds, …); None where it is no such number."""
    if isinstance(value, str):
        number = _NUMBER.fullmatch(value.strip())
        return None if number is None else _units(number.group(1))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return _units(str(int(value)))


def _units(digits: str) -> int | None:
    return _PER_SECOND.get(len(digits))


def _since_1970(number: float, per_second: int) -> datetime:
    if isinstance(number, int):
        return _EPOCH + timedelta(microseconds=number * 10**6 // per_second)
    return _EPOCH + timedelta(microseconds=round(number / per_second * 10**6))


def _written(text: str) -> datetime:
    twitter, mail = _TWITTER.fullmatch(text), _MAIL.fullmatch(text)
    if twitter is not None:
        month, day, hour, minute, second, sign, hours, minutes, year = twitter.groups()
    elif mail is not None:
        day, month, year, hour, minute, second, sign, hours, minutes = mail.groups()
    else:
        return _iso(text)
    if month not in _MONTHS:
        raise ValueError(f"{month} is no month")
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    clock = int(hour), int(minute), int(second or 0)
    return datetime(int(year), _MONTHS.index(month) + 1, int(day), *clock, tzinfo=timezone(offset))


def _iso(text: str) -> datetime:
    digits = _DIGITS.fullmatch(text)
    if digits is not None:
        return datetime.fromisoformat(f"{digits[1]}T{digits[2]}")
    written = _ZULU.sub("Z", _OFFSET.sub(r"\1:\2", _ZONE_NAME.sub("", text)))
    if (midnight := _MIDNIGHT.fullmatch(written)) is not None:
        return datetime.fromisoformat(f"{midnight[1]}T00:00:00{midnight[2]}") + timedelta(days=1)
    leap = _LEAP_SECOND.fullmatch(written)
    if leap is None:
        return datetime.fromisoformat(written)
    return datetime.fromisoformat(f"{leap[1]}:59{leap[2]}") + timedelta(seconds=1)
