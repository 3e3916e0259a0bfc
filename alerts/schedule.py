"""When a failed delivery is tried again."""

from __future__ import annotations

import random
from email.utils import parsedate_to_datetime
from typing import Final

DELAYS_S: Final = (0, 1, 5, 15, 60, 300, 1800, 7200, 18_000, 36_000)
"""Before the first attempt, the second, …: about 18 hours in all."""
_JITTER: Final = 0.1
_LONGEST_RETRY_AFTER_S: Final = 86_400


def delay_ms(failures: int, retry_after_s: float | None = None) -> int | None:
    """How long to wait after so many failures, with up to 10 % of jitter on top; None when all are used up.

    A receiver's `Retry-After` makes the wait longer, by at most a day, never shorter.
    """
    if failures >= len(DELAYS_S):
        return None
    wait = DELAYS_S[failures] * (1 + random.random() * _JITTER)
    return int(max(wait, min(retry_after_s or 0, _LONGEST_RETRY_AFTER_S)) * 1000)


def retry_after_s(header: str | None, now_ms: int) -> float | None:
    """Seconds that a `Retry-After` header asks for (RFC 9110: seconds or a date), None when it says nothing."""
    if not header:
        return None
    if header.strip().isdecimal() and len(header) < 12:
        return float(header)
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now_ms / 1000)
    except (TypeError, ValueError, OverflowError):
        return None
