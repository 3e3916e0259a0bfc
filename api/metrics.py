"""Prometheus metrics of the API."""

from __future__ import annotations

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LATENCIES = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


class Metrics:
    """One set per app, so that several apps live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter(
            "buzzwatch_api_requests", "Requests", ["method", "route", "status"], registry=self.registry
        )
        self.latency = Histogram(
            "buzzwatch_api_request_seconds", "Time to answer", ["route"], buckets=_LATENCIES, registry=self.registry
        )
        self.batch_size = Histogram(
            "buzzwatch_api_batch_size", "Texts scored together", buckets=_SIZES, registry=self.registry
        )
        self.feedback = Counter(
            "buzzwatch_api_feedback", "Judgements by what became of them", ["outcome"], registry=self.registry
        )
        self.unchecked = Counter(
            "buzzwatch_api_rate_unchecked",
            "Requests that were not counted against their rate, as Redis did not answer",
            ["kind"],
            registry=self.registry,
        )
        self._model = Gauge(
            "buzzwatch_model_info", "1 for the model that serves", ["name", "version"], registry=self.registry
        )

    def serving(self, name: str, version: str) -> None:
        """This version serves now."""
        self._model.clear()
        self._model.labels(name, version).set(1)


class Measured:
    """Counts and times every request, by the route's template: an unknown path makes no new series."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._seen: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 500
        begun = time.perf_counter()

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unknown")
            method = scope["method"] if route != "unknown" else "other"
            requests, latency = self._seen.get((method, route, status)) or self._of(method, route, status)
            requests.inc()
            latency.observe(time.perf_counter() - begun)

    def _of(self, method: str, route: str, status: int) -> tuple[Counter, Histogram]:
        found = self._metrics.requests.labels(method, route, status), self._metrics.latency.labels(route)
        self._seen[method, route, status] = found
        return found
