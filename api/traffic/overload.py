"""More than can be answered: the rest is refused at once, so that what is served is served as fast as ever."""

from __future__ import annotations

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from api.errors import problem
from api.traffic.admission import Admission, answered, is_inside
from api.traffic.door import RETRY_S, TOO_MUCH

_PREDICTING: Final = ("/predict", "/explain")
_ALWAYS: Final = frozenset({"/livez", "/readyz", "/health", "/metrics", "/stream"})
"""Probes must be answered when it is busiest; a stream of events is open for hours and costs little."""


class Overload:
    """Answers 503 with Retry-After to what comes while too much is being answered.

    Predictions and the rest are counted apart: a slow Redis holds up no prediction. A request counts once its body is
    here, so that a slow sender takes nobody's place. Most predictions that are too many have been refused on their
    connection already (`api.traffic.door`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._other = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = scope["path"] if scope["type"] == "http" else ""
        if not path or path in _ALWAYS or path.endswith("/stream") or is_inside(scope):
            await self._app(scope, receive, send)
            return
        admission: Admission = scope["app"].state.admission
        predicts = path.startswith(_PREDICTING)
        if admission.full if predicts else self._other >= admission.most:
            await problem(503, TOO_MUCH, **{"Retry-After": str(RETRY_S)})(scope, receive, send)
            return
        if predicts:
            admission.enter()
            await admission.serve(self._app, scope, receive, send)
        else:
            self._other += 1
            await answered(self._app, scope, receive, send, self._leave)

    def _leave(self) -> None:
        self._other -= 1
