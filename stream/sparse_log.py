"""Log lines about what others send: a producer gone wrong sends thousands, and the log must stay readable."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

PAUSE_S: Final = 60.0
_MOST: Final = 20
"""Kinds told apart; all others of one text are one kind."""
_NUMBERS: Final = re.compile(r"\d+")


@dataclass
class _Kind:
    logged_s: float
    waiting: int = 0
    level: int = 0
    line: str = ""


class SparseLog:
    """Logs the first line of each kind, and of those that follow at most one a minute, with their number.

    Args:
        log: where to.
        clock: seconds.
    """

    def __init__(self, log: logging.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._kinds: dict[str, _Kind] = {}

    def warning(self, text: str, *args: object, kind: object) -> None:
        """Log `text % args`; what differs from `kind` in numbers alone is of one kind."""
        self._add(logging.WARNING, text, args, kind)

    def error(self, text: str, *args: object, kind: object) -> None:
        """As `warning`."""
        self._add(logging.ERROR, text, args, kind)

    def flush(self) -> None:
        """Say what has waited for a minute; to be called now and then, as nothing follows the last ones of a flood."""
        for kind in self._kinds.values():
            self._log_waiting(kind)

    def _add(self, level: int, text: str, args: tuple[object, ...], kind: object) -> None:
        name = f"{text} {_NUMBERS.sub('', str(kind))}"
        if name not in self._kinds and len(self._kinds) >= _MOST:
            name = text
        known = self._kinds.get(name)
        if known is None:
            self._kinds[name] = _Kind(self._clock())
            self._log.log(level, text, *args)
            return
        known.waiting += 1
        known.level, known.line = level, text % args
        self._log_waiting(known)

    def _log_waiting(self, kind: _Kind) -> None:
        now_s = self._clock()
        if not kind.waiting or now_s - kind.logged_s < PAUSE_S:
            return
        more = f" (the newest of {kind.waiting:,} like it since the last line)" if kind.waiting > 1 else ""
        self._log.log(kind.level, "%s%s", kind.line, more)
        kind.logged_s, kind.waiting = now_s, 0
