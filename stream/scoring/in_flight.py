"""How many batches are in flight: polled and not yet committed or dropped."""

from __future__ import annotations

import threading


class InFlight:
    """Counts the batches in flight.

    Args:
        most: batches in flight at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._changed = threading.Condition()

    @property
    def idle(self) -> bool:
        """Whether no batch is in flight."""
        return self._count == 0

    def has_room(self, timeout_s: float) -> bool:
        """Whether another batch may be polled; waits for that at most `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count < self._most, timeout_s)

    def add(self) -> None:
        """A batch was polled."""
        with self._changed:
            self._count += 1

    def release(self) -> None:
        """A batch was committed or dropped."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether no batch is in flight; waits for that at most `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_s)
