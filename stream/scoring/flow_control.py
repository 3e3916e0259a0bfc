"""How many batches are on their way, and how many tweets may be in one."""

from __future__ import annotations

import threading
from typing import Final

_TARGET_S: Final = 0.5
"""Longest that scoring one batch should take: tweets wait for their whole batch, and a transaction stays open."""
_FIRST: Final = 500
"""Tweets in a batch before the model's speed is known."""
_LEAST: Final = 16
"""Tweets in a batch however slow the model is: the fixed cost of a transaction is shared by so many."""
_NEW_SHARE: Final = 0.3
"""Weight of the latest batch in the moving average of the time per tweet."""


class BatchSize:
    """Measures the speed of the model that serves.

    The shipped model takes thousands in a few milliseconds, so `most` is the limit; a transformer takes hundreds, and a
    batch of thousands would hold up its transaction, and everybody who waits for the tweets in it, for half a minute.

    Args:
        most: tweets in a batch, however fast the model is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._model: object = None
        self._each_s: float | None = None

    @property
    def limit(self) -> int:
        """Most tweets in the next batch."""
        if self._each_s is None:
            return min(_FIRST, self._most)
        return min(max(int(_TARGET_S / self._each_s), _LEAST), self._most)

    def learn(self, model: object, tweets: int, seconds: float) -> None:
        """Record how long a batch took. A new model starts a new average."""
        each_s = max(seconds, 1e-9) / tweets
        if model != self._model or self._each_s is None:
            self._model, self._each_s = model, each_s
        else:
            self._each_s += _NEW_SHARE * (each_s - self._each_s)


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
