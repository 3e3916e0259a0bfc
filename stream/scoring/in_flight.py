"""How many batches are on their way between intake and commit."""

from __future__ import annotations

import threading


class InFlight:
    """Counts the batches between intake and commit.

    Args:
        most: batches at a time.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._changed = threading.Condition()

    @property
    def idle(self) -> bool:
        """Whether no batch is on its way."""
        return self._count == 0

    def has_room(self, timeout_s: float) -> bool:
        """Whether one more may set out, waiting for it at most so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count < self._most, timeout_s)

    def add(self) -> None:
        """One more is on its way."""
        with self._changed:
            self._count += 1

    def release(self) -> None:
        """One has arrived, or was dropped."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait_until_idle(self, timeout_s: float) -> bool:
        """Whether nothing is on its way any more, waiting for it at most so long."""
        with self._changed:
            return self._changed.wait_for(lambda: self._count == 0, timeout_s)
