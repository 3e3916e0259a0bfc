"""Queries are taken at their word: a parameter that is misspelt, or given twice, is refused."""

from __future__ import annotations

import difflib

from fastapi import Depends, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute


def _known_only(request: Request) -> None:
    """Raises RequestValidationError for a parameter that the route does not have: without it the answer would be
    about something else than was asked."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute)
    names = [field.alias for field in route.dependant.query_params]
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise refused(name, f"there is no such parameter; {hint}there are {', '.join(names) or 'none'}")
        if given.count(name) > 1:
            raise refused(name, "is given more than once")


def refused(name: str, message: str) -> RequestValidationError:
    """The error about one parameter."""
    return RequestValidationError([{"type": "value_error", "loc": ("query", name), "msg": message}])


KnownQuery = Depends(_known_only)
"""A dependency of routes with query parameters."""
