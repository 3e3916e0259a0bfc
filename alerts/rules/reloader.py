"""Follows the rules file: a changed one is taken over without a restart, a bad one is refused and said so."""

from __future__ import annotations

import hashlib
import logging
import math
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from prometheus_client import Counter, Gauge

from contracts.errors import RulesError
from contracts.rules.file import Check, load_rules
from contracts.rules.schema import Rules

_RESTS_S: Final = 0.2
_AGAIN_S: Final = 30.0
"""A refused file is read again after so long: what it names, a file with an address say, may be there by then."""
_LONGEST_WRITE_S: Final = 4.0
_log: Final = logging.getLogger("buzzwatch.rules")

RELOADS: Final = Counter("buzzwatch_rules_reloads_total", "Changed rules files by what became of them", ["outcome"])
LOADED: Final = Gauge("buzzwatch_rules_loaded_timestamp_seconds", "When the rules in force were read")
REFUSED: Final = Gauge("buzzwatch_rules_refused", "1 while the rules file cannot be used and older rules are in force")
METRICS: Final = (RELOADS, LOADED, REFUSED)


class RulesFollower:
    """Reads the file once, then again whenever it has changed.

    Args:
        path: the rules file.
        every_s: how often it is looked at.
        checks: what must hold beyond its schema (`alerts.receivers.checks`).

    Raises:
        RulesError: the first reading fails; there are no older rules to keep.
    """

    def __init__(self, path: Path, *, every_s: float, checks: Sequence[Check] = ()) -> None:
        self._path = path
        self._every_s = every_s
        self._checks = checks
        self._digest = _digest(path)
        self._stamp = _stamp(path)
        self._rules = load_rules(path, *checks)
        self._problem: str | None = None
        self._again_at = math.inf
        self._told: list[Callable[[Rules], object]] = []
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        LOADED.set(time.time())
        REFUSED.set(0)

    @property
    def rules(self) -> Rules:
        """Those in force."""
        return self._rules

    @property
    def problem(self) -> str | None:
        """Why the file as it is now is not in force, None when it is: `file:line: key: what is wrong`."""
        return self._problem

    @property
    def version(self) -> str:
        """The first digits of the SHA-256 of the file in force."""
        return self._digest[:12]

    def on_change(self, told: Callable[[Rules], object]) -> None:
        """Call this with the new rules, in the follower's thread."""
        self._told.append(told)

    def start(self) -> None:
        """Follow in a thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._follow, name="rules-file", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Follow no more."""
        self._stopping = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def on_sighup(self) -> None:
        """Look at the file at once when the process gets SIGHUP. Does nothing outside of the main thread."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, lambda *_: self._wake.set())

    def look(self, *, always: bool = False) -> bool:
        """Read the file if it has changed; whether other rules are in force now.

        Args:
            always: read it although it seems to be the same.
        """
        stamp = _stamp(self._path)
        if stamp == self._stamp and not always and time.monotonic() < self._again_at:
            return False
        try:
            digest = _digest(self._path)
            if digest == self._digest:
                self._stamp = stamp
                self._settle()  # a mistake was taken back
                return False
            rules = load_rules(self._path, *self._checks)
        except RulesError as error:
            self._stamp = stamp
            self._refuse(str(error))
            return False
        self._stamp, self._digest, self._rules = stamp, digest, rules
        self._settle()
        RELOADS.labels("loaded").inc()
        LOADED.set(time.time())
        _log.info("new rules are in force: %s (%s)", self._path, self.version)
        for told in self._told:
            told(rules)
        return True

    def _follow(self) -> None:
        while not self._stopping:
            asked = self._wake.wait(self._every_s)
            self._wake.clear()
            if self._stopping:
                return
            try:
                if not asked:
                    self._let_it_be_written()
                self.look(always=asked)
            except Exception:
                _log.exception("new rules could not be put in force")

    def _let_it_be_written(self) -> None:
        """Wait until a file that is being written rests. Its first half may well be a rules file too, with fewer rules,
        and their alerts would be told to be over."""
        deadline = time.monotonic() + _LONGEST_WRITE_S
        stamp = _stamp(self._path)
        while stamp != self._stamp and time.monotonic() < deadline:
            time.sleep(_RESTS_S)
            before, stamp = stamp, _stamp(self._path)
            if stamp == before:
                return

    def _refuse(self, problem: str) -> None:
        if problem != self._problem:
            RELOADS.labels("refused").inc()
            _log.error("the rules file is refused, the rules read before stay in force: %s", problem)
        self._problem = problem
        self._again_at = time.monotonic() + _AGAIN_S
        REFUSED.set(1)

    def _settle(self) -> None:
        self._problem = None
        self._again_at = math.inf
        REFUSED.set(0)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RulesError(f"{path}: the rules file cannot be read: {error.strerror}") from None
