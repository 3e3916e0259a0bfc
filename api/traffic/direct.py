"""A way past the layers, for answers that are sent in pieces for hours: layers look at heads, and at short bodies."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

_SEND: Final = "buzzwatch.send"


class Direct:
    """The outermost layer: it notes how the server itself takes what is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            scope[_SEND] = send
        await self._app(scope, receive, send)


def straight(scope: Scope) -> Send:
    """Sends pieces of a body to the server itself; the head has to have gone through the layers."""
    send: Send = scope[_SEND]
    return send
