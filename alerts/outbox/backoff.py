"""When a failed delivery is tried again."""

from __future__ import annotations

import random
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Final

DELAYS_S: Final = (0, 1, 5, 15, 60, 300, 1800, 7200, 18_000, 36_000)
"""Before the first attempt, the second, …: about 18 hours in all, so that a receiver may be down for a night."""
_JITTER: Final = 0.1
_LONGEST_RETRY_AFTER_S: Final = 86_400


def delay_ms(failures: int, retry_after_s: float | None = None) -> int | None:
    """How long to wait after so many failures, with up to 10 % of jitter on top; None when all are used up.

    A receiver's `Retry-After` makes the wait longer, by at most a day, never shorter.
    """
    if failures >= len(DELAYS_S):
        return None
    wait = DELAYS_S[failures] * (1 + random.random() * _JITTER)
    return max(int(wait * 1000), pause_ms(retry_after_s))


def pause_ms(retry_after_s: float | None) -> int:
    """How long a receiver with such a `Retry-After` gets nothing: at most a day."""
    return int(min(retry_after_s or 0, _LONGEST_RETRY_AFTER_S) * 1000)


def retry_after_s(header: str | None, now_ms: int) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110: seconds or a date), None when it has neither."""
    if not header:
        return None
    if header.strip().isdecimal() and len(header) < 12:
        return float(header)
    try:
        date = parsedate_to_datetime(header)
        # In asctime's form and with -0000 it names no zone; dates of HTTP are in UTC (RFC 9110, 5.6.7).
        return max(0.0, date.replace(tzinfo=date.tzinfo or UTC).timestamp() - now_ms / 1000)
    except (TypeError, ValueError, OverflowError):
        return None
