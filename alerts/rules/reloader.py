"""Reloads the rules file when it changes, without a restart; an invalid file is refused and logged."""

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

from alerts.metrics import LOADED, REFUSED, RELOADS
from contracts.errors import RulesError
from contracts.rules.file import Check, content_of, load_rules
from contracts.rules.schema import Rules

_UNCHANGED_FOR_S: Final = 0.2
_LONGEST_WRITE_S: Final = 4.0
_log: Final = logging.getLogger("buzzwatch.rules")


class RulesReloader:
    """Reads the file once, then again whenever it has changed.

    Args:
        path: the rules file.
        every_s: how often it is checked for changes.
        checks: further checks beside the schema (`alerts.receivers.checks`).
        refused_retry_s: after this time a refused file is read again, as what it refers to may exist by then.

    Raises:
        RulesError: the first reading fails; there are no older rules to keep.
    """

    def __init__(
        self, path: Path, *, every_s: float, checks: Sequence[Check] = (), refused_retry_s: float = 30.0
    ) -> None:
        self._path = path
        self._every_s = every_s
        self._checks = checks
        self._refused_retry_s = refused_retry_s
        self._digest = _digest(path)
        self._stamp = _stamp(path)
        self._rules = load_rules(path, *checks)
        self._problem: str | None = None
        self._retry_at = math.inf
        self._callbacks: list[Callable[[Rules], object]] = []
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        LOADED.set(time.time())
        REFUSED.set(0)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._rules

    @property
    def problem(self) -> str | None:
        """Why the file as it is now is not in force, None when it is: `file:line: key: what is wrong`."""
        return self._problem

    @property
    def version(self) -> str:
        """The first digits of the SHA-256 of the file in force."""
        return self._digest[:12]

    def on_change(self, callback: Callable[[Rules], object]) -> None:
        """Call `callback` with the new rules, in the reloader's thread."""
        self._callbacks.append(callback)

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
        """Check the file at once when the process gets SIGHUP. Does nothing outside of the main thread."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGHUP, lambda *_: self._wake.set())

    def reload_if_changed(self, *, always: bool = False) -> bool:
        """Read the file if it has changed; returns whether other rules are in force now.

        Args:
            always: read it even if time and size are the same.
        """
        stamp = _stamp(self._path)
        if stamp == self._stamp and not always and time.monotonic() < self._retry_at:
            return False
        try:
            digest = _digest(self._path)
            if digest == self._digest:
                self._stamp = stamp
                self._clear_problem()  # the file is again as it was before it was refused
                return False
            rules = load_rules(self._path, *self._checks)
        except RulesError as error:
            self._stamp = stamp
            self._refuse(str(error))
            return False
        self._stamp, self._digest, self._rules = stamp, digest, rules
        self._clear_problem()
        RELOADS.labels("loaded").inc()
        LOADED.set(time.time())
        _log.info("new rules are in force: the file %s, version %s", self._path, self.version)
        for callback in self._callbacks:
            callback(rules)
        return True

    def _follow(self) -> None:
        while not self._stopping:
            requested = self._wake.wait(self._every_s)
            self._wake.clear()
            if self._stopping:
                return
            try:
                if not requested:
                    self._wait_until_written()
                self.reload_if_changed(always=requested)
            except Exception:
                _log.exception(
                    "the changed rules file %s could not be loaded, the rules read before stay in force", self._path
                )

    def _wait_until_written(self) -> None:
        """Wait until a file that is being written stops changing. Its first half may be a valid rules file with fewer
        rules, and alerts of the missing ones would be ended."""
        deadline = time.monotonic() + _LONGEST_WRITE_S
        stamp = _stamp(self._path)
        while stamp != self._stamp and time.monotonic() < deadline:
            time.sleep(_UNCHANGED_FOR_S)
            before, stamp = stamp, _stamp(self._path)
            if stamp == before:
                return

    def _refuse(self, problem: str) -> None:
        if problem != self._problem:
            RELOADS.labels("refused").inc()
            _log.error("the changed rules file is refused, the rules read before stay in force: %s", problem)
        self._problem = problem
        self._retry_at = time.monotonic() + self._refused_retry_s
        REFUSED.set(1)

    def _clear_problem(self) -> None:
        self._problem = None
        self._retry_at = math.inf
        REFUSED.set(0)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _digest(path: Path) -> str:
    # Opening a named pipe waits until somebody writes into it: for ever, and no later file would be noticed.
    if path.exists() and not path.is_file():
        raise RulesError(f"{path}: the rules file cannot be read: it is no file (a folder, a pipe, a device)")
    return hashlib.sha256(content_of(path)).hexdigest()
