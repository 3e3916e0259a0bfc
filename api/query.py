"""Queries are taken at their word: a parameter that is misspelt, or given twice, is refused. Parts of long lists."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from fastapi import Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from contracts.printable import did_you_mean


def _known_only(request: Request) -> None:
    """Raises RequestValidationError for a parameter that the route does not have: without it the answer would be
    about something else than was asked."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    names = [field.alias for field in route.dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in names:
            hint = did_you_mean(name, names)
            raise refused(name, f"there is no such parameter; {hint}there are {', '.join(names) or 'none'}")
        if given.count(name) > 1:
            raise refused(name, "is given more than once")


def refused(name: str, message: str) -> RequestValidationError:
    """The error about one parameter."""
    return RequestValidationError([{"type": "value_error", "loc": ("query", name), "msg": message}])


KnownQuery = Depends(_known_only)
"""A dependency of routes with query parameters."""

_Item = TypeVar("_Item")

Limit = Annotated[int | None, Query(ge=1, le=1000, description="So many at most; all of them without it")]
Offset = Annotated[int, Query(ge=0, le=1_000_000, description="So many are left out at the beginning")]
UNCHANGED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is as `If-None-Match` says"}}
"""Of routes with an ETag (`api.traffic.conditional`)."""
_HEADERS: Final[dict[str, Any]] = {
    "x-total-count": {"description": "How many there are in all", "schema": {"type": "integer"}},
    "link": {"description": 'The address of the next part, `rel="next"`', "schema": {"type": "string"}},
}
PAGED: Final[dict[int | str, dict[str, Any]]] = {**UNCHANGED, 200: {"headers": _HEADERS}}
"""The headers, for the document."""


def part_of(
    items: Sequence[_Item], limit: int | None, offset: int, request: Request, response: Response
) -> list[_Item]:
    """The items asked for; the headers go to the response."""
    response.headers["x-total-count"] = str(len(items))
    end = len(items) if limit is None else offset + limit
    if end < len(items):
        url = request.url.include_query_params(offset=end)
        response.headers["link"] = f'<{url.path}?{url.query}>; rel="next"'
    return list(items[offset:end])
