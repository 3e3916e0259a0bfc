"""A name for each request: in its answer, in a problem, in the log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.traffic.drawn import random_bytes
from contracts.tracing.current import REQUEST_ID

HEADER: Final = "x-request-id"
_HEADER: Final = HEADER.encode()
_FORM: Final = re.compile(rb"[A-Za-z0-9._:-]{1,64}")


def request_id() -> str:
    """That of the request that is being answered, empty outside of one."""
    return REQUEST_ID.get()


def given_id(headers: Iterable[tuple[bytes, bytes]]) -> str:
    """The id that a client or a proxy gave, empty where there is none that can be used."""
    given = next((value for name, value in headers if name == _HEADER), b"")
    return given.decode() if _FORM.fullmatch(given) else ""


class RequestId:
    """Takes the id that a client or a proxy gave, or makes one, and puts it into the answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        name = given_id(scope["headers"]) or random_bytes().hex()
        REQUEST_ID.set(name)  # each request is a task of its own, with a context of its own

        encoded = name.encode()

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                others = [pair for pair in message["headers"] if pair[0] != _HEADER]
                message = {**message, "headers": [*others, (_HEADER, encoded)]}
            await send(message)

        await self._app(scope, receive, named)
