"""Is it alive, is it ready, is everything around it well."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Literal

import redis
from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.bodies import Alive, Health, Problem, Ready
from api.errors import REFUSALS
from api.metrics import Metrics
from api.parts import Component, Parts, PartsOf, Probe
from api.query import KnownQuery
from api.security.gate import Caller, require
from contracts.errors import Unavailable

router = APIRouter(tags=["health"])

_PATIENCE_S = 3.0


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    """To the documentation."""
    return RedirectResponse("/docs")


@router.get("/livez")
async def livez() -> Alive:
    """200 as long as requests are answered at all."""
    return Alive(status="ok")


@router.get("/readyz", responses={503: {"model": Problem}})
async def readyz(parts: PartsOf) -> Ready:
    """200 when predictions can be made. Whether Kafka and Redis are well is for `/health`."""
    return Ready(status="ok", model=parts.champion.current.ref.version)


@router.get(
    "/health",
    response_model=Health,
    responses={422: {"model": Problem}, 503: {"model": Health}},
    dependencies=[KnownQuery],
)
async def health(request: Request, parts: PartsOf, alerts: Literal["critical"] | None = None) -> JSONResponse:
    """Each component with status, version and what is wrong. 200 when predictions can be made.

    With `alerts=critical`: 503 too while a critical alert fires, or when that cannot be found out.
    Where keys are needed, who has none that may read gets the states alone.
    """
    caller: Caller | None = request.state.caller
    in_full = caller is not None and "read" in caller.scopes
    components = await components_of(parts)
    status = "ok" if all(component.status == "ok" for component in components.values()) else "degraded"
    content: dict[str, Any] = {}
    if alerts == "critical":
        critical = await asyncio.to_thread(_critical, parts)
        if in_full:
            content["critical_alerts"] = critical
        if critical or critical is None:
            status = "unknown" if critical is None else "critical"
    if components["model"].status == "down":
        status = "down"
    shown = {name: asdict(one if in_full else Component(one.status)) for name, one in components.items()}
    content |= {"status": status, "components": shown}
    return JSONResponse(content, 200 if status in ("ok", "degraded") else 503)


async def components_of(parts: Parts) -> dict[str, Component]:
    """The model, and the probes of everything around; each within seconds."""
    names = list(parts.probes)
    found = await asyncio.gather(_model(parts), *(_asked(parts.probes[name]) for name in names))
    return dict(zip(["model", *names], found, strict=True))


def _critical(parts: Parts) -> list[str] | None:
    """The critical alerts that fire, None when Redis does not answer."""
    try:
        firing = parts.alerts.list("firing")
    except redis.RedisError:
        return None
    return [alert.name for alert in firing if alert.labels.get("severity") == "critical"]


class _Exposition(Response):
    media_type = CONTENT_TYPE_LATEST


@router.get(
    "/metrics", response_class=_Exposition, response_model=None, responses=REFUSALS, dependencies=[require("read")]
)
async def metrics(request: Request, parts: PartsOf) -> Response:
    """For Prometheus."""
    kept: Metrics = request.app.state.metrics
    try:
        ref = parts.champion.current.ref
        kept.serving(ref.name, ref.version)
    except Unavailable:
        pass
    return _Exposition(generate_latest(kept.registry))


async def _model(parts: Parts) -> Component:
    try:
        loaded = parts.champion.current
    except Unavailable as error:
        return Component("down", detail=str(error))
    failure = parts.champion.failure
    return Component("degraded" if failure else "ok", loaded.ref.version, failure)


async def _asked(probe: Probe) -> Component:
    try:
        return await asyncio.wait_for(asyncio.to_thread(probe), _PATIENCE_S)
    except TimeoutError:
        return Component("down", detail=f"no answer within {_PATIENCE_S:g} s")
