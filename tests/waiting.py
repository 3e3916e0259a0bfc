"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(
    holds: Callable[[], object], timeout_s: float = 60, said: Callable[[], str] = str, every_s: float = 0.02
) -> None:
    """Wait until it holds, also on a busy machine; the test fails with what `said` tells when it does not in time."""
    since = time.monotonic()
    while not holds():
        assert time.monotonic() - since < timeout_s, f"not within {timeout_s} s: {said()}"
        time.sleep(every_s)
