"""Makes what open pages receive, in a process of its own: what it computes holds up nobody who asks the API."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
import redis

from alerts.storage.redis_health import trouble_of
from contracts.times import clock_ms
from dashboard.feed.board import Board
from dashboard.feed.forgotten import ForgottenTweets
from dashboard.feed.maker import Told
from dashboard.feed.picking import Picker, row_of
from dashboard.feed.tail import ScoredTail

_log = logging.getLogger("buzzwatch.dashboard")

_ALIVE_S: Final = 1.0
"""Something is sent at least so often, so that a page can tell a quiet stream from a lost one."""

OpenAlerts = Callable[[], list[dict[str, Any]]]
"""The pending and firing alerts as they are sent."""


class Frames:
    """A frame every few hundred milliseconds, alerts when they change.

    Args:
        tail: started and stopped by whoever made it.
    """

    def __init__(
        self, frame_ms: int, tail: ScoredTail, board: Board, open_alerts: OpenAlerts, forgotten: ForgottenTweets
    ) -> None:
        self._frame_s = frame_ms / 1000
        self._tail = tail
        self._board = board
        self._open_alerts = open_alerts
        self._forgotten = forgotten
        self._picker = Picker()
        self._alerts: list[dict[str, Any]] | None = None
        self._watches: Any = None
        self._trouble: str | None = None
        self._told_at = float("-inf")

    def run(self, tell: Callable[[Told], object], stopping: threading.Event) -> None:
        """Until `stopping` is set, or `tell` raises."""
        due = time.monotonic()
        while not stopping.is_set():
            for told in self._made():
                tell(told)
            due = max(due + self._frame_s, time.monotonic())
            stopping.wait(due - time.monotonic())

    def _made(self) -> list[Told]:
        try:
            return self._make()
        except Exception:
            _log.exception("a frame of the pages could not be made; the next one is tried")
            return []

    def _make(self) -> list[Told]:
        came, number = self._tail.take()
        shown = [row_of(one) for one in self._picker.pick(came)]
        state: dict[str, Any] = {}
        trouble = self._tail.problem
        told: list[Told] = []
        try:
            told += self._erased()
            told += self._changed_alerts()
            state = self._board.now().public()
        except redis.RedisError as error:
            trouble = f"Redis {trouble_of(error).what}: counters and alerts stand still"
        frame = {**state, "at": clock_ms(), "tweets": shown, "more": number - len(shown), "trouble": trouble}
        changed = shown or state.get("watches") != self._watches or trouble != self._trouble
        if changed or time.monotonic() - self._told_at >= _ALIVE_S:
            told.append(Told("frame", msgspec.json.encode(frame), rows=shown, whole=bool(state)))
            self._told_at = time.monotonic()
        self._trouble, self._watches = trouble, state.get("watches")
        return told

    def _erased(self) -> list[Told]:
        """What was erased leaves the pages, and the memory from which others would be shown it."""
        gone = sorted(self._forgotten.new())
        if not gone:
            return []
        self._picker = Picker()
        return [Told("forget", msgspec.json.encode(gone), gone=gone)]

    def _changed_alerts(self) -> list[Told]:
        alerts = self._open_alerts()
        if alerts == self._alerts:
            return []
        self._alerts = alerts
        return [Told("alerts", msgspec.json.encode(alerts))]
