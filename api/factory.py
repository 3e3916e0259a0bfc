"""Makes the app out of its parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI
from fastapi_offline import FastAPIOffline

from api import errors
from api.limits import BodyLimit
from api.metrics import Measured, Metrics
from api.parts import Parts
from api.routes import alerts as alert_routes
from api.routes import feedback as feedback_routes
from api.routes import health as health_routes
from api.routes import login as login_routes
from api.routes import predict as predict_routes
from api.routes import review as review_routes
from api.routes import silences as silence_routes
from api.routes.pages import HeadAsGet, OwnServerOnly
from api.routes.predict import Scoring
from api.security.gate import Authenticated
from api.traffic.admission import Admission, Turns
from api.traffic.conditional import Packed, Tagged
from api.traffic.direct import Direct
from api.traffic.overload import Overload
from api.traffic.request_id import RequestId

if TYPE_CHECKING:
    from contracts.tracing.spans import Tracer


@dataclass(frozen=True)
class Extension:
    """Routes that a package above this one adds, such as the pages; they come first."""

    router: APIRouter
    state: Mapping[str, Any]
    """Kept as `app.state`, for the routes."""
    start: Callable[[], Awaitable[None]]
    stop: Callable[[], Awaitable[None]]


def create_app(parts: Parts, extensions: Sequence[Extension] = (), tracer: Tracer | None = None) -> FastAPI:
    """The app; nothing is connected or loaded before its lifespan starts.

    Args:
        parts: what the routes work with.
        extensions: further routes.
        tracer: makes spans of requests; None traces none.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.scoring = Scoring(parts, app.state.metrics.batch_size.observe)
        parts.feedback.start()
        parts.gate.start()
        parts.gate.rates.unchecked = lambda kind: app.state.metrics.unchecked.labels(kind).inc()
        # Without a model feedback, alerts and statistics still work, and MLflow may come back.
        await asyncio.to_thread(parts.champion.start, required=False)
        for extension in extensions:
            await extension.start()
        yield
        for extension in extensions:
            await extension.stop()
        await app.state.scoring.stop()
        await asyncio.to_thread(parts.champion.stop)
        await asyncio.to_thread(parts.feedback.stop)
        await asyncio.to_thread(parts.gate.stop)
        await parts.gate.rates.stop()
        for close in parts.closing:
            close()

    app: FastAPI = FastAPIOffline(  # its pages take Swagger UI and ReDoc from this server, not from a CDN
        title="buzzwatch",
        version="1",
        description="Sentiment of tweets, the judgement of people, and alerts.",
        lifespan=lifespan,
    )
    metrics = Metrics()
    app.state.parts = parts
    app.state.metrics = metrics
    app.state.admission = Admission(lambda: parts.settings.most_at_once)
    app.router.routes[:0] = predict_routes.SHORTCUTS
    for extension in extensions:
        app.include_router(extension.router)
        for name, value in extension.state.items():
            setattr(app.state, name, value)
    for routes in (
        predict_routes,
        feedback_routes,
        review_routes,
        alert_routes,
        silence_routes,
        login_routes,
        health_routes,
    ):
        app.include_router(routes.router)
    errors.install(app)
    errors.document_problems(app)
    _add_layers(app, metrics, tracer)
    return app


def _add_layers(app: FastAPI, metrics: Metrics, tracer: Tracer | None) -> None:
    """What each request goes through, from the innermost layer outwards."""
    app.add_middleware(Overload)  # once the body is here
    app.add_middleware(Tagged)
    app.add_middleware(BodyLimit)
    app.add_middleware(Authenticated)  # before a body is read
    app.add_middleware(OwnServerOnly)
    app.add_middleware(Packed)
    app.add_middleware(HeadAsGet)
    app.add_middleware(Turns)
    app.add_middleware(Measured, metrics=metrics)  # it sees what the others answer
    if tracer is not None:
        from api.traffic.traced import Traced  # OpenTelemetry is imported where it is used

        app.add_middleware(Traced, tracer=tracer)
    app.add_middleware(RequestId)  # outermost of those that look at requests, so that each of them knows it
    app.add_middleware(Direct)
