"""Answers that have not changed are not sent again (ETag, 304), and long ones are packed with gzip."""

from __future__ import annotations

import hashlib
from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

TAGGED: Final = frozenset({"/alerts", "/silences", "/stats", "/model", "/openapi.json"})
"""What is polled."""
PACKED: Final = TAGGED | {"/predict/batch", "/explain", "/review", "/metrics"}
"""Never pages with forms: a secret beside words of others must not be packed with them (BREACH)."""
LEAST_BYTES: Final = 1000
"""Shorter answers are sent as they are."""


class Packed:
    """gzip for the routes of `PACKED`, where the client takes it; what they answer has `Vary: accept-encoding`."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._packed = GZipMiddleware(app, minimum_size=LEAST_BYTES, compresslevel=5)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        app = self._packed if scope["type"] == "http" and scope["path"] in PACKED else self._plain
        await app(scope, receive, send)


class Tagged:
    """A weak ETag for what `TAGGED` answers to GET, and 304 without a body where the client has that already."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] not in TAGGED:
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def collected(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await _answer(scope, start, bytes(body), send)

        await self._app(scope, receive, collected)


async def _answer(scope: Scope, start: Message, body: bytes, send: Send) -> None:
    if start["status"] != 200:
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    tag = b'W/"%s"' % hashlib.sha256(body).hexdigest()[:32].encode()
    # Whose key it is decides what is shown, so no cache between may keep it, and ours is asked each time.
    named = [(b"etag", tag), (b"cache-control", b"private, no-cache")]
    if _has(scope, tag):
        headers = [pair for pair in start["headers"] if pair[0].lower() not in (b"content-length", b"content-type")]
        await send({**start, "status": 304, "headers": [*headers, *named]})
        await send({"type": "http.response.body", "body": b""})
        return
    await send({**start, "headers": [*start["headers"], *named]})
    await send({"type": "http.response.body", "body": body})


def _has(scope: Scope, tag: bytes) -> bool:
    """Whether `If-None-Match` names the tag; compared weakly, as RFC 9110 (13.1.2) has it."""
    given = b",".join(value for name, value in scope["headers"] if name == b"if-none-match")
    opaque = tag.removeprefix(b"W/")
    return any(one.strip() == b"*" or one.strip().removeprefix(b"W/") == opaque for one in given.split(b","))
