"""Is it alive, is it ready, is everything around it well."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any, Literal

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from api.metrics import Metrics
from api.parts import Component, Parts, PartsOf, Probe
from contracts.errors import Unavailable

router = APIRouter(tags=["health"])

_PATIENCE_S = 3.0


@router.get("/", include_in_schema=False)
async def root() -> RedirectResponse:
    """To the documentation."""
    return RedirectResponse("/docs")


@router.get("/livez")
async def livez() -> dict[str, str]:
    """200 as long as requests are answered at all."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(parts: PartsOf) -> dict[str, str]:
    """200 when predictions can be made."""
    return {"status": "ok", "model": parts.champion.current.ref.version}


@router.get("/health")
async def health(parts: PartsOf, alerts: Literal["critical"] | None = None) -> JSONResponse:
    """Each component with status, version and what is wrong. 200 when predictions can be made.

    With `alerts=critical`: 503 too while a critical alert fires, or when that cannot be found out.
    """
    names = list(parts.probes)
    found = await asyncio.gather(_model(parts), *(_asked(parts.probes[name]) for name in names))
    components = dict(zip(["model", *names], found, strict=True))
    content: dict[str, Any] = {
        "status": "ok" if all(component.status == "ok" for component in found) else "degraded",
        "components": {name: asdict(component) for name, component in components.items()},
    }
    is_well = components["model"].status != "down"
    if not is_well:
        content["status"] = "down"
    if alerts == "critical":
        firing = await asyncio.to_thread(parts.alerts.list, "firing")
        critical = [alert.name for alert in firing if alert.labels.get("severity") == "critical"]
        content["critical_alerts"] = critical
        is_well = is_well and not critical
    return JSONResponse(content, 200 if is_well else 503)


@router.get("/metrics", response_class=Response)
async def metrics(request: Request, parts: PartsOf) -> Response:
    """For Prometheus."""
    kept: Metrics = request.app.state.metrics
    try:
        ref = parts.champion.current.ref
        kept.serving(ref.name, ref.version)
    except Unavailable:
        pass
    return Response(generate_latest(kept.registry), media_type=CONTENT_TYPE_LATEST)


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
