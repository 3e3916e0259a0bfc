"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    holds: Callable[[], object], timeout_s: float = 60, said: Callable[[], str] = str, every_s: float = 0.02
) -> None:
    """Wait until it holds, also on a busy machine; the test fails with what `said` tells when it does not in time.

    Args:
        every_s: how often it looks at first, seconds. Each look costs processor time, often a server's too: the longer
            it has waited the less often it looks, by a tenth of that time, and no less often than twice a second.
    """
    since = time.monotonic()
    while not holds():
        waited = time.monotonic() - since
        assert waited < timeout_s, f"not within {timeout_s} s: {said()}"
        time.sleep(max(every_s, min(waited / 10, 0.5)))
