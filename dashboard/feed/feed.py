"""What open pages receive: made by a process of its own as long as somebody watches, handed to all readers here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, Final

import msgspec

from dashboard.feed.hub import Hub, Reader
from dashboard.feed.maker import Maker, Told

_log = logging.getLogger("buzzwatch.dashboard")

_LINGER_S: Final = 60.0
"""How long frames are made after the last reader has gone: somebody who changes the page comes back at once."""
_RECENT: Final = 60
"""Tweets of a snapshot."""
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 30.0
"""Before the process is started again that has ended by itself; doubled each time."""
_ENDED: Final = "what keeps this page fresh has ended and is started again: the log says more"


class Feed:
    """The hub, and what fills it. Started and stopped with the app.

    Args:
        most: readers at a time.
        make: starts the process that makes frames.
        changed: whether it has to be started anew, as what it works with has changed.
    """

    def __init__(self, most: int, make: Callable[[], Maker], changed: Callable[[], bool]) -> None:
        self._make = make
        self._changed = changed
        self._hub = Hub(most, self._snapshot)
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self._alerts: bytes | None = None
        self._last: bytes | None = None
        """The newest frame with counters."""
        self._stopping = threading.Event()
        self._joined = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._maker: Maker | None = None

    async def start(self) -> None:
        """Begin; nothing is made before somebody watches."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()
        self._end_streams_at_signals()

    async def stop(self) -> None:
        """End streams, thread and process."""
        self._hub.close()
        self._stopping.set()
        self._joined.set()
        if self._maker is not None:
            self._maker.ask_to_end()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 10)

    def join(self, last_id: str | None) -> Reader:
        """A browser that reads; raises Unavailable when there are too many."""
        reader = self._hub.join(last_id)
        self._joined.set()
        return reader

    def leave(self, reader: Reader) -> None:
        """It has gone."""
        self._hub.leave(reader)

    @property
    def readers(self) -> int:
        """How many browsers read."""
        return self._hub.readers

    def recent(self) -> list[dict[str, Any]]:
        """Tweets that were shown lately, newest first."""
        return list(self._recent)[::-1]

    def _snapshot(self) -> dict[str, Any]:
        last: dict[str, Any] = {} if self._last is None else msgspec.json.decode(self._last)
        alerts = None if self._alerts is None else msgspec.Raw(self._alerts)
        return {**last, "alerts": alerts, "tweets": self.recent(), "more": 0}

    def _end_streams_at_signals(self) -> None:
        """A server waits for open requests before it ends its lifespan, and streams never end by themselves."""
        if threading.current_thread() is not threading.main_thread() or self._loop is None:
            return
        loop = self._loop
        for number in (signal.SIGINT, signal.SIGTERM):
            before = signal.getsignal(number)

            def end(signum: int, frame: FrameType | None, before: Any = before) -> None:
                with contextlib.suppress(RuntimeError):  # the loop has closed
                    loop.call_soon_threadsafe(self._hub.close)
                if callable(before):
                    before(signum, frame)

            if callable(before):  # a server's own; where nobody listens, none of ours is needed
                signal.signal(number, end)

    # The thread

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stopping.is_set():
            self._joined.wait()
            if self._stopping.is_set():
                return
            self._maker = self._make()
            has_ended = self._listen(self._maker)
            status = self._maker.end()
            self._in_loop(self._grow_old)
            if not has_ended or self._stopping.is_set():
                pause_s = _FIRST_PAUSE_S
                continue
            _log.warning("the process that makes the frames of the pages has ended with status %d", status)
            self._in_loop(lambda: self._hub.publish("frame", {"tweets": [], "more": 0, "trouble": _ENDED}))
            self._stopping.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _listen(self, maker: Maker) -> bool:
        """Whether the process has ended by itself."""
        for told in maker:
            self._in_loop(partial(self._tell, told))
            if self._stopping.is_set() or self._changed():
                return False
            if self._hub.idle_s() > _LINGER_S:
                self._joined.clear()
                if self._hub.idle_s() > _LINGER_S:  # nobody has come between the two lines
                    return False
                self._joined.set()
        return True

    def _in_loop(self, act: Callable[[], None]) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(act)

    # In the event loop

    def _tell(self, told: Told) -> None:
        if told.kind == "alerts":
            self._alerts = told.payload
        if told.whole:
            self._last = told.payload
        if told.gone:
            gone = set(told.gone)
            kept = [row for row in self._recent if gone.isdisjoint({row["id"], row["tweet"]})]
            self._recent.clear()
            self._recent.extend(kept)
            self._hub.forget()
        self._recent.extend(reversed(told.rows))
        self._hub.publish(told.kind, msgspec.Raw(told.payload))

    def _grow_old(self) -> None:
        """What was told last is of then: who comes next is not told it as news."""
        self._last = self._alerts = None
