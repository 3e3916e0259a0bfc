"""More than can be answered: the rest is refused at once, so that what is served is served as fast as ever."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem

_RETRY_S: Final = 1
_PREDICTING: Final = ("/predict", "/explain")
_ALWAYS: Final = frozenset({"/livez", "/readyz", "/health", "/metrics", "/stream"})
"""Probes must be answered when it is busiest; a stream of events is open for hours and costs little."""


class Overload:
    """Answers 503 with Retry-After to what comes while too much is being answered.

    Predictions and the rest are counted apart: a slow Redis holds up no prediction. A request counts once its body is
    here, so that a slow sender takes nobody's place.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._predicting = self._other = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        if not path or path in _ALWAYS or path.endswith("/stream"):
            await self._app(scope, receive, send)
            return
        predicts = path.startswith(_PREDICTING)
        most: int = scope["app"].state.parts.settings.most_at_once
        if (self._predicting if predicts else self._other) >= most:
            detail = f"{most} requests are being answered: try again"
            await problem(503, detail, **{"Retry-After": str(_RETRY_S)})(scope, receive, send)
            return
        self._count(predicts, 1)
        try:
            await self._app(scope, receive, send)
        finally:
            self._count(predicts, -1)

    def _count(self, predicts: bool, change: int) -> None:
        if predicts:
            self._predicting += change
        else:
            self._other += change
