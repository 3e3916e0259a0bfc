"""How many predictions are inside at once, and how many of them are worked on.

Where more come than can be answered, what is served stays fast only if few wait, and what is refused is refused fast
only if the event loop comes round often. So a bounded number is let in, and of those some at a time are worked on: a
round of the loop then takes a few milliseconds at most, after which it looks at who has come meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

TARGET_S: Final = 0.010
"""How long a prediction should be inside while others are refused: about as long as where there is room for all."""
LEAST: Final = 8
"""So many are let in, however long they take."""
AT_A_TIME: Final = 32
"""Enough company for a micro-batch; at 0.1 ms for each half of a request, a round of the loop takes 4 ms."""
_ADMITTED: Final = "buzzwatch.admitted"


async def answered(app: ASGIApp, scope: Scope, receive: Receive, send: Send, leave: Callable[[], None]) -> None:
    """Answer a request. It leaves, once, when its answer begins: nobody waits for a client that does not read."""
    is_inside = True

    def left() -> None:
        nonlocal is_inside
        if is_inside:
            is_inside = False
            leave()

    async def sent(message: Message) -> None:
        left()
        await send(message)

    try:
        await app(scope, receive, sent)
    finally:
        left()


class Admission:
    """The predictions inside.

    As long as nobody is refused, as many as are allowed may be inside. While some are refused anyway, fewer are let in
    until those inside take no longer than they should: less by a tenth where they do, one more where they do not
    (additive increase, multiplicative decrease, as in TCP).

    Args:
        most: so many at most.
        at_a_time: so many of them are worked on, the others wait for their turn in the order in which they came.
        clock: seconds, of what has passed.
    """

    def __init__(
        self, most: Callable[[], int], at_a_time: int = AT_A_TIME, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most = most
        self._at_a_time = at_a_time
        self._clock = clock
        self._room = float("inf")
        self._refused_at = self._shrunk_at = float("-inf")
        self._inside = self._working = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def full(self) -> bool:
        """Whether the next one is to be refused."""
        if self._inside < self._room and self._inside < self._most():
            return False
        self._refused_at = self._clock()
        return True

    @property
    def most(self) -> int:
        """So many are let in."""
        return self._most()

    def enter(self) -> None:
        """Let a request in; `serve` lets it out again."""
        self._inside += 1

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that was let in, when it is its turn."""
        since = self._clock()
        try:
            await self._turn()
        except BaseException:
            self._inside -= 1
            raise

        def leave() -> None:
            self._next()
            self._inside -= 1
            self._adapt(since)

        await answered(app, scope, receive, send, leave)

    def _adapt(self, since: float) -> None:
        """Have more room or less, by how long one was inside that came at `since`."""
        now, most = self._clock(), self._most()
        if now - since > TARGET_S and since < self._refused_at:
            if since > self._shrunk_at:  # else it was inside when the room was another
                self._room = max(min(LEAST, most), 0.9 * min(self._room, most))
                self._shrunk_at = now
        elif self._room < most:
            self._room += 1 / self._room

    async def _turn(self) -> None:
        if self._working < self._at_a_time:
            self._working += 1
            return
        called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(called)
        try:
            await called
        except asyncio.CancelledError:
            if called.done() and not called.cancelled():
                self._next()
            raise

    def _next(self) -> None:
        """One is done: it is the turn of who has waited longest."""
        while self._waiting:
            called = self._waiting.popleft()
            if not called.done():  # else it was cancelled
                called.set_result(None)
                return
        self._working -= 1


def mark(state: dict[str, Any], admission: Admission) -> None:
    """Note in a request's state that the door has let it in."""
    state[_ADMITTED] = admission


def is_inside(scope: Scope) -> bool:
    """Whether the door has let this request in."""
    return _ADMITTED in scope.get("state", {})


class Turns:
    """The layer that has those wait for their turn whom the door (`api.traffic.door`) let in."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if is_inside(scope):
            admission: Admission = scope["state"][_ADMITTED]
            await admission.serve(self._app, scope, receive, send)
        else:
            await self._app(scope, receive, send)
