"""Puts the pages into an app."""

from __future__ import annotations

from fastapi import APIRouter

from dashboard.html import files
from dashboard.pages import alerts, common, model, now, review, system, trial, try_it, watch

ROUTERS = (
    common.router,
    now.router,
    alerts.router,
    watch.router,
    try_it.router,
    review.router,
    model.router,
    trial.router,
    system.router,
    files.router,
    common.rest,
)


def room_router(path: str) -> APIRouter:
    """All pages below this path, which begins and ends with a slash."""
    router = APIRouter(prefix=path.rstrip("/"))
    for part in ROUTERS:
        router.include_router(part)
    return router
