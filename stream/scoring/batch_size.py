"""How large a batch may be: as many tweets as the model scores in half a second."""

from __future__ import annotations

from typing import Final

_TARGET_S: Final = 0.5
_FIRST: Final = 500
"""Before anything is known about the model's pace."""
_LEAST: Final = 16
_NEW_SHARE: Final = 0.3
"""Weight of the latest batch in the pace."""


class BatchSize:
    """Learns the pace of the model that serves.

    The shipped model takes thousands in a few milliseconds, so `most` is the limit; a transformer takes hundreds, and a
    batch of thousands would hold up its transaction, and everybody who waits for the tweets in it, for half a minute.

    Args:
        most: tweets in a batch, however quick the model is.
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
        """A batch of so many tweets took so long. Another model than the last one's has its pace to show first."""
        each_s = max(seconds, 1e-9) / tweets
        if model != self._model or self._each_s is None:
            self._model, self._each_s = model, each_s
        else:
            self._each_s += _NEW_SHARE * (each_s - self._each_s)
