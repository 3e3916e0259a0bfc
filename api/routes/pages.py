"""What holds for every page: nothing from other servers, and HEAD as GET without the body."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# ReDoc's script asks a CDN for its maker's logo; its search runs in a worker made of a blob.
_HEADER = "content-security-policy"
_POLICY = "default-src 'self' 'unsafe-inline' blob: data:"


class OwnServerOnly:
    """Tells browsers to load nothing from other servers into our pages."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_page(message):
                headers = MutableHeaders(scope=message)
                # A page that brings a stricter policy of its own keeps it.
                if _HEADER not in headers:
                    headers[_HEADER] = _POLICY
            await send(message)

        await self._app(scope, receive, with_policy)


def _is_page(start: Message) -> bool:
    return any(name == b"content-type" and value.startswith(b"text/html") for name, value in start["headers"])


class HeadAsGet:
    """Answers HEAD as GET without the body, as RFC 9110 (9.3.2) has it: FastAPI's routes know GET alone."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def headers_only(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app({**scope, "method": "GET"}, receive, headers_only)
