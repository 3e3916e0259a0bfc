"""Instants as they stand in events, many at a time; `contracts.times.to_rfc3339` is the definition."""

from __future__ import annotations

from typing import Any, Final

from models.base.jit import compiled

_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999
_DAY_MS: Final = 86_400_000


@compiled
def _write_number(value: int, digits: int, out: Any, at: int) -> None:
    """The last digits of a number."""
    for i in range(digits):
        out[at + digits - 1 - i] = 48 + value % 10
        value //= 10


@compiled
def _write_instant(ms: int, out: Any) -> None:
    """Milliseconds since 1970 as a date (Hinnant, "chrono-compatible low-level date algorithms", civil_from_days)."""
    ms = min(max(ms, _FIRST_MS), _LAST_MS)
    days = ms // _DAY_MS
    ms -= days * _DAY_MS
    days += 719_468
    era = days // 146_097
    of_era = days - era * 146_097
    years = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * years + years // 4 - years // 100)
    shifted = (5 * of_year + 2) // 153
    day = of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = years + era * 400 + (1 if month <= 2 else 0)
    _write_number(year, 4, out, 0)
    out[4] = 45
    _write_number(month, 2, out, 5)
    out[7] = 45
    _write_number(day, 2, out, 8)
    out[10] = 84
    _write_number(ms // 3_600_000, 2, out, 11)
    out[13] = 58
    _write_number(ms // 60_000 % 60, 2, out, 14)
    out[16] = 58
    _write_number(ms // 1000 % 60, 2, out, 17)
    out[19] = 46
    _write_number(ms % 1000, 3, out, 20)
    out[23] = 90


@compiled
def write_missing(timestamps: Any, has_instant: Any, out: Any) -> None:
    """Fill in those rows of `out`, (n, 24), that have no instant, from milliseconds since 1970."""
    for row in range(len(timestamps)):
        if not has_instant[row]:
            _write_instant(timestamps[row], out[row])
