"""How large a batch may be: as many tweets as the model scores in half a second."""

from __future__ import annotations

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
