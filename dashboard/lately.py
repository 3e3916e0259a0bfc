"""What takes long to find out is found out in a thread of its own, and shown as of when that was."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from contracts.times import clock_ms

T = TypeVar("T")
_log = logging.getLogger("buzzwatch.dashboard")


class Known(NamedTuple, Generic[T]):
    """What is known."""

    value: T | None
    """None before the first time."""
    at_ms: int
    """As of when."""
    problem: str | None
    """Why it could not be found out the last time."""


class Lately(Generic[T]):
    """The newest answer of a slow question; asked again when somebody wants to know and the answer is old.

    Args:
        ask: blocks; what it raises is told in its one line.
        every_s: how old an answer may be.
    """

    def __init__(self, ask: Callable[[], T], every_s: float) -> None:
        self._ask = ask
        self._every_s = every_s
        self._lock = threading.Lock()
        self._known: Known[T] = Known(None, 0, None)
        self._asked_at = float("-inf")
        self._thread: threading.Thread | None = None

    def get(self, wait_s: float = 0.0) -> Known[T]:
        """What is known now.

        Args:
            wait_s: how long to wait for a first answer.
        """
        with self._lock:
            is_old = time.monotonic() - self._asked_at >= self._every_s
            if is_old and (self._thread is None or not self._thread.is_alive()):
                self._asked_at = time.monotonic()
                self._thread = threading.Thread(target=self._find_out, name="lately", daemon=True)
                self._thread.start()
            thread = self._thread
        if thread is not None and self._known.value is None:
            thread.join(wait_s)
        return self._known

    def outdate(self) -> None:
        """The answer has changed: the next time it is asked for, it is found out anew."""
        with self._lock:
            self._asked_at = float("-inf")

    def _find_out(self) -> None:
        try:
            self._known = Known(self._ask(), clock_ms(), None)
        except Exception as error:
            _log.warning("data for a page could not be read: %s", error)
            self._known = self._known._replace(problem=str(error) or type(error).__name__)
