"""A span for each request that is traced: where it comes with a `traceparent` that says so, or by chance."""

from __future__ import annotations

from opentelemetry.trace import SpanKind
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from contracts.tracing.propagation import traceparent_in
from contracts.tracing.spans import Tracer, failed, named


class Traced:
    """One span a request, named after the route; never its body, query or key."""

    def __init__(self, app: ASGIApp, tracer: Tracer) -> None:
        self._app = app
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        parent: str | None = ""
        if scope["type"] == "http":
            parent = traceparent_in((name.decode("latin-1"), value) for name, value in scope["headers"])
        if not parent and (parent is not None or not self._tracer.chosen()):
            await self._app(scope, receive, send)
            return
        status = 500

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method = scope["method"]
        with self._tracer.span(method, SpanKind.SERVER, parent=parent or ""):
            try:
                await self._app(scope, receive, watched)
            finally:
                route = getattr(scope.get("route"), "path", "unknown")
                named(f"{method} {route}", {"http.route": route, "http.response.status_code": status})
                if status >= 500:
                    failed(str(status))
