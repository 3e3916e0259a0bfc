"""One fan-out per process: what is published is encoded once, and every reader gets the same bytes.

A reader that is slow gets the newest frame, and the number of those that it missed. A reader that comes back names the
last event that it had (`Last-Event-ID`), and gets what came since from a ring of a minute, or else a snapshot.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec
from fastapi.sse import format_sse_event

from contracts.errors import Unavailable

RING_S: Final = 60.0
"""How long events are kept for readers that come back."""
_AT_ONCE: Final = 5
"""Readers that are handed an event in one turn of the event loop, less than a millisecond of it."""
_GAP_S: Final = 0.0025
"""Before the next ones: requests that come meanwhile are answered in between, and mostly find the loop idle."""
_FIRST_TURNS: Final = 50
"""So many turns wait `_GAP_S` each, half of a frame's time in all, so that every reader has a frame before the next one
comes. Later turns wait `_CLOSE_GAP_S`."""
_CLOSE_GAP_S: Final = 0.0003
_RETRY_MS: Final = 1000
"""How soon a browser connects again."""


class Event(NamedTuple):
    """One event as it goes over the wire."""

    number: int
    kind: str
    data: bytes
    at: float
    """Monotonic seconds."""


class Reader:
    """One browser. Of each kind of event only the newest waits, so that a slow reader costs no memory."""

    def __init__(self, backlog: list[Event]) -> None:
        self._backlog = deque(backlog)
        self._waiting: dict[str, Event] = {}
        self._missed = 0
        self._wake = asyncio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Hand over an event; never waits."""
        if event.kind in self._waiting:
            self._missed += 1
        self._waiting[event.kind] = event
        self._wake.set()

    def close(self) -> None:
        """Nothing more comes."""
        self._closed = True
        self._wake.set()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield f"retry: {_RETRY_MS}\n\n".encode()
        while self._backlog:
            yield self._backlog.popleft().data
        while not self._closed:
            await self._wake.wait()
            self._wake.clear()
            if self._missed:
                missed, self._missed = self._missed, 0
                yield format_sse_event(event="missed", data_str=str(missed))
            waiting, self._waiting = self._waiting, {}
            for event in sorted(waiting.values()):
                yield event.data


def _delay_s(turn: int) -> float:
    """Of a turn, always the same one: an event never overtakes the one before."""
    return min(turn, _FIRST_TURNS) * _GAP_S + max(turn - _FIRST_TURNS, 0) * _CLOSE_GAP_S


def _offer(event: Event, readers: Iterable[Reader]) -> None:
    for reader in readers:
        reader.offer(event)


class Hub:
    """Keeps the ring and the readers; used in the event loop alone.

    Args:
        most: readers at a time.
        snapshot: what a reader that knows nothing is told first.
    """

    def __init__(self, most: int, snapshot: Callable[[], Any]) -> None:
        self._most = most
        self._snapshot = snapshot
        self._boot = uuid.uuid4().hex[:8]
        self._number = 0
        self._ring: deque[Event] = deque()
        self._readers: dict[Reader, int] = {}
        """Each with its turn, which stays: so events come to it in their order."""
        self._left_at = float("-inf")

    @property
    def readers(self) -> int:
        """How many browsers read now."""
        return len(self._readers)

    def idle_s(self) -> float:
        """Since when nobody reads, seconds; 0 while somebody does."""
        return 0.0 if self._readers else time.monotonic() - self._left_at

    def publish(self, kind: str, payload: Any) -> None:
        """Encode once, hand to every reader."""
        event = self._event(kind, payload)
        self._ring.append(event)
        while self._ring[0].at < event.at - RING_S:
            self._ring.popleft()
        turns: dict[int, list[Reader]] = {}
        for reader, turn in self._readers.items():
            turns.setdefault(turn, []).append(reader)
        for turn, readers in turns.items():
            if turn:
                asyncio.get_running_loop().call_later(_delay_s(turn), _offer, event, readers)
            else:
                _offer(event, readers)

    def forget(self) -> None:
        """Drop what readers would be told who come back: they get a snapshot."""
        self._ring.clear()

    def join(self, last_id: str | None) -> Reader:
        """A new reader.

        Args:
            last_id: the id of the last event that it had, None when it had none.

        Raises:
            Unavailable: there are too many.
        """
        if len(self._readers) >= self._most:
            raise Unavailable(f"{self._most:,} browsers read already: try again later")
        reader = Reader(self._since(last_id))
        self._readers[reader] = len(self._readers) // _AT_ONCE
        return reader

    def leave(self, reader: Reader) -> None:
        """It has gone."""
        self._readers.pop(reader, None)
        if not self._readers:
            self._left_at = time.monotonic()

    def close(self) -> None:
        """End all streams: the server stops."""
        for reader in self._readers:
            reader.close()

    def _since(self, last_id: str | None) -> list[Event]:
        boot, _, number = (last_id or "").partition("-")
        if boot == self._boot and number.isdigit() and self._ring:
            last = int(number)
            if self._ring[0].number <= last + 1 and last <= self._number:
                return [event for event in self._ring if event.number > last]
        return [self._encoded(self._number, "snapshot", self._snapshot())]

    def _event(self, kind: str, payload: Any) -> Event:
        self._number += 1
        return self._encoded(self._number, kind, payload)

    def _encoded(self, number: int, kind: str, payload: Any) -> Event:
        text = msgspec.json.encode(payload).decode()
        data = format_sse_event(event=kind, data_str=text, id=f"{self._boot}-{number}")
        return Event(number, kind, data, time.monotonic())
