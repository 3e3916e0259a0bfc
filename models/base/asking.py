"""Asking what may never answer, in a thread that holds up nobody: neither who asks nor the end of the process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from contracts.errors import BuzzwatchError

_T = TypeVar("_T")


class TooLate(BuzzwatchError):
    """No answer in time, or a question before that one has none yet."""


class Asker:
    """Makes one call at a time, in a thread of its own.

    The thread is a daemon, unlike those of `concurrent.futures`, which are joined when the interpreter ends: one call
    that hangs would keep a process from ever ending.

    Args:
        name: of the thread.
        patience_s: how long a call is waited for.
    """

    def __init__(self, name: str, patience_s: float) -> None:
        self._name = name
        self._patience_s = patience_s
        self._calls: queue.SimpleQueue[tuple[Callable[[], Any], Future[Any]] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._pending: Future[Any] | None = None

    @property
    def is_busy(self) -> bool:
        """Whether a call has not returned yet."""
        return self._pending is not None and not self._pending.done()

    def ask(self, call: Callable[[], _T]) -> _T:
        """What `call` returns; of one thread at a time.

        Raises:
            TooLate: it has not returned in time, or the one before has not returned yet, and this one is not made.
            Whatever the call raises.
        """
        if self.is_busy:
            raise TooLate(f"no answer yet to what was asked more than {self._patience_s:g} s ago")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        found: Future[_T] = Future()
        self._pending = found
        self._calls.put((call, found))
        try:
            return found.result(self._patience_s)
        except TimeoutError:
            if found.done():  # at the last moment, or it is the call that raises this
                return found.result()
            raise TooLate(f"no answer within {self._patience_s:g} s") from None

    def stop(self) -> None:
        """End the thread, as soon as what it is at returns."""
        self._calls.put(None)

    def _run(self) -> None:
        while (asked := self._calls.get()) is not None:
            call, found = asked
            try:
                found.set_result(call())
            except BaseException as error:  # who asked is to have it
                found.set_exception(error)
