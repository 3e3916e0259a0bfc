"""Waiting for what another thread or process does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

PATIENCE_S: Final = 240.0
"""How long is waited for what must come: a busy machine may keep a process waiting for most of it. What is promised in
seconds is measured by benches."""


def until(holds: Callable[[], object], timeout_s: float = PATIENCE_S, said: Callable[[], str] = str) -> None:
    """Wait until it holds; the test fails with what `said` tells when it does not in time."""
    since = time.monotonic()
    while not holds():
        waited = time.monotonic() - since
        assert waited < timeout_s, f"not within {timeout_s:.0f} s: {said()}"
        # The longer it takes the less often is looked: whoever looks keeps others from the processor.
        time.sleep(min(0.02 + waited / 20, 0.3))
