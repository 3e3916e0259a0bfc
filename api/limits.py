"""How large a request may be."""

from __future__ import annotations

import asyncio

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem

BODY_S = 30.0
"""How long a body may take to arrive, seconds."""
BODY_BYTES = 2 * 1024 * 1024
BATCH_BODY_BYTES = 16 * 1024 * 1024
"""For `/predict/batch`: a thousand tweets need 300 kB, a thousand texts of the greatest length do not fit."""

FILE_BYTES = 48 * 1024 * 1024
"""For a file of texts on the page *Try it*: a hundred thousand tweets with their other columns."""


def limit_of(path: str) -> int:
    """The most bytes of a body for this path, also after it was unpacked."""
    if path.endswith("/room/try/file"):
        return FILE_BYTES
    return BATCH_BODY_BYTES if path == "/predict/batch" else BODY_BYTES


class BodyLimit:
    """Answers 413 to larger bodies, before more than the limit has been read, and 408 to those that take too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "DELETE", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        limit = limit_of(scope["path"])
        stated = dict(scope["headers"]).get(b"content-length", b"")
        if stated.isdigit() and int(stated) > limit:
            await _too_large(limit)(scope, receive, send)
            return
        body = bytearray()
        until = asyncio.get_running_loop().time() + BODY_S
        while True:
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                too_slow = problem(408, f"the body did not arrive within {BODY_S:g} s", Connection="close")
                await too_slow(scope, receive, send)
                return
            if message["type"] != "http.request":  # the client has gone
                return
            body += message.get("body", b"")
            if len(body) > limit:
                await _too_large(limit)(scope, receive, send)
                return
            if not message.get("more_body", False):
                break
        read = False

        async def replay() -> Message:
            nonlocal read
            if read:
                return await receive()
            read = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self._app(scope, replay, send)


def _too_large(limit: int) -> Response:
    return problem(413, f"the body is larger than {limit:,} bytes", Connection="close")
