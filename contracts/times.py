"""Times as integer milliseconds since 1970 in UTC, and their RFC 3339 form."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_FIRST = -62_135_596_800_000  # 0001-01-01T00:00:00Z
_LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z


OLDEST_MS: Final = 1_142_899_200_000
"""2006-03-21, the day of the first tweet: nothing that is watched was sent before it."""


def clock_ms() -> int:
    """Now by the clock of this machine."""
    return int(time.time() * 1000)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970; a datetime without offset is taken as UTC.

    An offset that would leave the years 1 to 9999 does no harm: the difference is exact.
    """
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MILLISECOND


def to_rfc3339(ms: int) -> str:
    """`2026-11-20T10:00:00.000Z`; times outside the years 1 to 9999 are clamped to them."""
    moment = _EPOCH + timedelta(milliseconds=min(max(ms, _FIRST), _LAST))
    return moment.isoformat("T", "milliseconds")[:-6] + "Z"
