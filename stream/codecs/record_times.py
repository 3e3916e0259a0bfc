"""When a record came: Kafka's timestamp where that says anything, else the date in the record, else now.

A producer may set no timestamp (-1, which Kafka keeps), 0, seconds instead of milliseconds, or a clock that is wrong. A
tweet would then be dated 1969, count in another minute, or be late for ever.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.times import OLDEST_MS

AHEAD_MS: Final = 60_000
"""So far may a producer's clock be ahead of ours. Kafka refuses records dated more than an hour ahead
(`message.timestamp.after.max.ms`), and with one of them the whole transaction, again and again."""


def is_plausible(ms: int, now_ms: int) -> bool:
    """Whether a record can have been sent then, milliseconds since 1970."""
    return OLDEST_MS <= ms <= now_ms + AHEAD_MS


def sent_ms(timestamp_ms: int, own_ms: int | None, now_ms: int) -> int:
    """When a record was sent, milliseconds since 1970.

    Args:
        timestamp_ms: Kafka's, -1 for none.
        own_ms: the date in the record, None for none.
        now_ms: the clock.
    """
    if is_plausible(timestamp_ms, now_ms):
        return timestamp_ms
    if own_ms is not None and is_plausible(own_ms, now_ms):
        return min(own_ms, now_ms)
    return now_ms


def all_sent_ms(timestamps: NDArray[np.int64], own: NDArray[np.int64], now_ms: int) -> NDArray[np.int64]:
    """The same for many, (n,); `own` is any implausible number where there is no date."""
    plausible = (timestamps >= OLDEST_MS) & (timestamps <= now_ms + AHEAD_MS)
    if plausible.all():
        return timestamps
    dated = (own >= OLDEST_MS) & (own <= now_ms + AHEAD_MS)
    return np.where(plausible, timestamps, np.where(dated, np.minimum(own, now_ms), now_ms))
