"""Makes a frame every few hundred milliseconds, as long as somebody watches."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import redis

from alerts.storage.redis_health import trouble_of
from contracts.settings import DashboardSettings
from contracts.times import clock_ms
from dashboard.feed.board import Board
from dashboard.feed.forgotten import ForgottenTweets
from dashboard.feed.hub import Hub, Reader
from dashboard.feed.picking import Picker, row_of
from dashboard.feed.tail import ScoredTail

_log = logging.getLogger("buzzwatch.dashboard")

_LINGER_S: Final = 30.0
"""How long frames are made after the last reader has gone: somebody who changes the page comes back at once."""
_RECENT: Final = 60
"""Tweets of a snapshot."""
_ALIVE_S: Final = 1.0
"""Something is sent at least so often, so that a page can tell a quiet stream from a lost one."""

OpenAlerts = Callable[[], list[dict[str, Any]]]
"""The pending and firing alerts as they are sent."""


class Feed:
    """Wires tail, board and alerts to the hub. Started and stopped with the app."""

    def __init__(
        self,
        settings: DashboardSettings,
        tail: ScoredTail,
        board: Board,
        open_alerts: OpenAlerts,
        forgotten: ForgottenTweets,
    ) -> None:
        self._frame_s = settings.frame_ms / 1000
        self._tail = tail
        self._board = board
        self._open_alerts = open_alerts
        self._forgotten = forgotten
        self._hub = Hub(settings.readers, self._snapshot)
        self._picker = Picker()
        self._recent: deque[dict[str, Any]] = deque(maxlen=_RECENT)
        self._alerts: list[dict[str, Any]] | None = None
        self._last: dict[str, Any] = {}
        self._sent_at = float("-inf")
        self._stopping = threading.Event()
        self._joined = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._trouble: str | None = None

    async def start(self) -> None:
        """Begin; nothing is read before somebody watches."""
        self._loop = asyncio.get_running_loop()
        self._tail.start()
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()
        self._end_streams_at_signals()

    async def stop(self) -> None:
        """End streams and threads."""
        self._hub.close()
        self._stopping.set()
        self._joined.set()
        await asyncio.to_thread(self._tail.stop)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, 5)

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
        return {**self._last, "alerts": self._alerts, "tweets": self.recent(), "more": 0}

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
        due = time.monotonic()
        while not self._stopping.is_set():
            if self._hub.idle_s() > _LINGER_S:
                self._tail.watch(False)
                self._joined.clear()
                if self._hub.idle_s() > _LINGER_S:  # nobody has come between the two lines
                    self._joined.wait()
                due = time.monotonic()
                continue
            self._tail.watch(True)
            try:
                self._make()
            except Exception:
                _log.exception("a frame of the pages could not be made; the next one is tried")
            due = max(due + self._frame_s, time.monotonic())
            self._stopping.wait(due - time.monotonic())

    def _make(self) -> None:
        came, number = self._tail.take()
        shown = [row_of(one) for one in self._picker.pick(came)]
        state: dict[str, Any] = {}
        trouble = self._tail.problem
        try:
            self._take_off()
            self._publish_alerts()
            state = self._board.now().public()
        except redis.RedisError as error:
            trouble = f"Redis {trouble_of(error).what}: counters and alerts stand still"
        frame = {
            **state,
            "at": clock_ms(),
            "tweets": shown,
            "more": number - len(shown),
            "trouble": trouble,
        }
        changed = shown or state.get("watches") != self._last.get("watches") or trouble != self._trouble
        if changed or time.monotonic() - self._sent_at >= _ALIVE_S:
            self._publish("frame", frame, shown)
            self._sent_at = time.monotonic()
        self._trouble = trouble
        if state:
            self._last = state

    def _take_off(self) -> None:
        """What was erased leaves the pages, and the memory from which others would be shown it."""
        gone = self._forgotten.new()
        if not gone:
            return
        assert self._loop is not None
        self._picker = Picker()

        def take_off() -> None:
            kept = [row for row in self._recent if gone.isdisjoint({row["id"], row["tweet"]})]
            self._recent.clear()
            self._recent.extend(kept)
            self._hub.forget()
            self._hub.publish("forget", sorted(gone))

        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(take_off)

    def _publish_alerts(self) -> None:
        alerts = self._open_alerts()
        if alerts != self._alerts:
            self._alerts = alerts
            self._publish("alerts", alerts, [])

    def _publish(self, kind: str, payload: Any, shown: list[dict[str, Any]]) -> None:
        assert self._loop is not None

        def publish() -> None:
            self._recent.extend(reversed(shown))
            self._hub.publish(kind, payload)

        with contextlib.suppress(RuntimeError):  # the loop has closed
            self._loop.call_soon_threadsafe(publish)
