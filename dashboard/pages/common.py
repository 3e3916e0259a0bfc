"""What belongs to no page of its own: the stream, and what a reader has chosen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Header, Query, Request, Response
from fastapi.sse import EventSourceResponse

from api.security.gate import require
from dashboard.html.rendering import KEPT_S, THEME_COOKIE, PageRoute, back
from dashboard.html.words import LANGUAGE_COOKIE
from dashboard.room import RoomOf

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_UNBUFFERED = {"cache-control": "no-store", "x-accel-buffering": "no"}


@router.get("/stream", dependencies=[require("read")])
async def stream(
    room: RoomOf,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    last: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Server-sent events: `snapshot`, `frame`, `alerts`, `missed`. See docs/dashboard.md."""
    reader = room.feed.join(last_event_id or last)

    async def events() -> AsyncIterator[bytes]:
        try:
            async for data in reader:
                yield data
        finally:
            room.feed.leave(reader)

    return EventSourceResponse(events(), headers=_UNBUFFERED)


@router.post("/room/theme", dependencies=[require("read")])
def theme(request: Request, room: RoomOf, theme: Annotated[Literal["light", "dark", "auto"], Form()]) -> Response:
    """Light, dark, or as the system says."""
    return _chosen(request, room, THEME_COOKIE, theme)


@router.post("/room/language", dependencies=[require("read")])
def language(request: Request, room: RoomOf, language: Annotated[Literal["en", "fr"], Form()]) -> Response:
    """English or French."""
    return _chosen(request, room, LANGUAGE_COOKIE, language)


def _chosen(request: Request, room: RoomOf, cookie: str, value: str) -> Response:
    response = back(request, room, "")
    response.delete_cookie("buzzwatch_said", path=room.path)
    response.set_cookie(cookie, value, max_age=KEPT_S, path=room.path, samesite="lax", httponly=True)
    return response
