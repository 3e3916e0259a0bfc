from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from api.traffic.admission import LEAST, TARGET_S, Admission

_MOST = 20


class _Crowd:
    """More than are let in, again and again."""

    def __init__(self) -> None:
        self.now = 0.0
        self.admission = Admission(lambda: _MOST, at_a_time=_MOST, clock=lambda: self.now)

    async def come(self, took_s: float, *, at_most: int = 100) -> int:
        """How many were inside at once; each is, for so long."""
        let_go = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await let_go.wait()
            await Response()(scope, receive, send)

        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(_message: Message) -> None:
            """Nobody reads it."""

        inside: list[asyncio.Task[None]] = []
        while len(inside) < at_most and not self.admission.full:
            self.admission.enter()
            scope = {"type": "http", "headers": []}
            inside.append(asyncio.create_task(self.admission.serve(app, scope, receive, send)))
            await asyncio.sleep(0)
            self.now += 1e-6
        self.now += took_s
        let_go.set()
        await asyncio.gather(*inside)
        return len(inside)


async def test_while_some_are_refused_fewer_are_let_in_until_those_inside_are_quick() -> None:
    crowd = _Crowd()
    assert await crowd.come(TARGET_S / 2) == _MOST
    slow = [await crowd.come(TARGET_S * 5) for _ in range(20)]
    assert slow == sorted(slow, reverse=True)
    assert slow[-1] == LEAST
    quick = [await crowd.come(TARGET_S / 2) for _ in range(20)]
    assert quick == sorted(quick)
    assert quick[-1] == _MOST


async def test_where_nobody_is_refused_all_are_let_in_however_long_they_take() -> None:
    crowd = _Crowd()
    assert [await crowd.come(TARGET_S * 50, at_most=_MOST - 1) for _ in range(20)] == [_MOST - 1] * 20
