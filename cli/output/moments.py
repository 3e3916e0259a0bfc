"""Times as people type them: a date, or how long ago."""

from __future__ import annotations

import re
from typing import Final

import pydantic
import typer

from contracts.errors import BuzzwatchError
from contracts.rules.strict import Duration
from contracts.times import clock_ms, to_ms
from contracts.tweet_objects.dates import read_date

_AGO: Final = re.compile(r"-?((?:\d+(?:ms|s|m|h|d|w))+)(?: ago)?")
EXAMPLES: Final = "a time such as 2026-11-20T10:00:00Z (UTC if it names no offset), or how long ago such as 2h or 30m"


def lasting_ms(option: str, text: str) -> int:
    """Milliseconds of a duration such as `30m`, `2h`, `1d`.

    Raises:
        BuzzwatchError: it is none.
    """
    try:
        return int(pydantic.TypeAdapter(Duration).validate_python(text) * 1000)
    except pydantic.ValidationError as error:
        raise BuzzwatchError(f"{option}: {error.errors()[0]['msg'].removeprefix('Value error, ')}") from None


def moment_ms(option: str, value: str | None, *, now_ms: int | None = None) -> int | None:
    """Milliseconds since 1970, None for None.

    Args:
        option: its name, for the message.
        value: RFC 3339, or a duration such as `90m`, `2h`, `1d12h`, counted back from now, at most to 1970.
        now_ms: what now is; the clock's when not given.

    Raises:
        typer.BadParameter: it is neither.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        if ago := _AGO.fullmatch(text):
            seconds = pydantic.TypeAdapter(Duration).validate_python(ago[1])
            return max((clock_ms() if now_ms is None else now_ms) - int(seconds * 1000), 0)
        return to_ms(read_date(text))
    except (ValueError, OverflowError):  # pydantic's is a ValueError
        raise typer.BadParameter(f"{option}: {value!r} is no time: write {EXAMPLES}") from None


def period_ms(since: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Both ends of `--since` and `--until`.

    Raises:
        typer.BadParameter: one is no time, or there is nothing between them.
    """
    now_ms = clock_ms()
    first, end = moment_ms("--since", since, now_ms=now_ms), moment_ms("--until", until, now_ms=now_ms)
    if first is not None and end is not None and first >= end:
        raise typer.BadParameter(f"--since {since} is not before --until {until}")
    return first, end
