"""What belongs to no page of its own: the stream, and what a reader has chosen."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Form, Header, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.sse import EventSourceResponse
from starlette.types import Receive, Scope, Send

from api.language import LANGUAGE_COOKIE
from api.security.gate import require
from api.traffic.direct import straight
from dashboard.feed.hub import Reader
from dashboard.html.rendering import KEPT_S, THEME_COOKIE, PageRoute, back
from dashboard.room import Room, RoomOf

router = APIRouter(route_class=PageRoute, include_in_schema=False)
rest = APIRouter(route_class=PageRoute, include_in_schema=False)
"""Comes after all others."""
_UNBUFFERED = {"cache-control": "no-store", "x-accel-buffering": "no"}


class _Events(EventSourceResponse):
    """What a reader is told. Of a thousand events a second each takes the short way to the server."""

    def __init__(self, room: Room, reader: Reader, send: Send) -> None:
        super().__init__(reader, headers=_UNBUFFERED)
        self._room = room
        self._reader = reader
        self._straight = send

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Until the browser has gone, or the server stops."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._room.feed.leave(self._reader)

    async def stream_response(self, send: Send) -> None:
        """The head through the layers, the events past them."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for event in self._reader:
            await self._straight({"type": "http.response.body", "body": event, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@router.get("/stream", dependencies=[require("read")])
async def stream(
    request: Request,
    room: RoomOf,
    last_event_id: Annotated[str | None, Header(max_length=64)] = None,
    last: Annotated[str | None, Query(max_length=64)] = None,
) -> Response:
    """Server-sent events: `snapshot`, `frame`, `alerts`, `missed`. See docs/dashboard.md."""
    return _Events(room, room.feed.join(last_event_id or last), straight(request.scope))


@router.post("/room/theme", dependencies=[require("read")])
def theme(request: Request, room: RoomOf, theme: Annotated[Literal["light", "dark", "auto"], Form()]) -> Response:
    """Light, dark, or as the system says."""
    return _chosen(request, room, THEME_COOKIE, theme)


@router.post("/room/language", dependencies=[require("read")])
def language(request: Request, room: RoomOf, language: Annotated[Literal["en", "fr"], Form()]) -> Response:
    """English or French."""
    return _chosen(request, room, LANGUAGE_COOKIE, language)


@rest.get("/room/{page:path}", dependencies=[require("read")])
def missing(request: Request, room: RoomOf, page: str) -> Response:
    """Whatever else is asked for below the pages; with a slash too many it is the page without."""
    if page.endswith("/"):
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(quote(room.at(page.rstrip("/"))) + query, 307)
    raise HTTPException(404, f"there is no page {page[:100]}")


def _chosen(request: Request, room: RoomOf, cookie: str, value: str) -> Response:
    response = back(request, room, "")
    response.delete_cookie("buzzwatch_said", path=room.path)
    response.set_cookie(cookie, value, max_age=KEPT_S, path=room.path, samesite="lax", httponly=True)
    return response
