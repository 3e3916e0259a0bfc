"""Every error is a problem of RFC 9457, with `detail` in one line."""

from __future__ import annotations

import logging
import re
from decimal import Decimal
from functools import cache
from http import HTTPStatus
from typing import Any, Final

import redis
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from alerts.storage.redis_health import trouble_of
from api.bodies import Problem
from api.traffic.request_id import HEADER as REQUEST_ID
from api.traffic.request_id import request_id
from contracts.errors import ModelFailure, Unavailable
from contracts.redaction import redacted

_log = logging.getLogger("buzzwatch.api")

REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: {"model": Problem, "description": "There is no key, or it is unknown, expired or revoked"},
    403: {"model": Problem, "description": "The key lacks the scope, or the request comes from elsewhere"},
    429: {"model": Problem, "description": "The key asks too often; Retry-After says when to come again"},
    503: {
        "model": Problem,
        "description": "A server is away, or too much is asked at once; try again after Retry-After seconds",
    },
}
"""Of every route that does not stand open."""
PROBLEM_JSON: Final = "application/problem+json"
_FAR: Final = 10**12
RETRY_AFTER_S = 2
"""Seconds in the header Retry-After: a restarted Kafka or Redis is often back by then."""


def install(app: FastAPI) -> None:
    """Answer exceptions in one shape."""
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(Unavailable, _unavailable)
    app.add_exception_handler(redis.RedisError, _without_redis)
    app.add_exception_handler(ModelFailure, _model_failed)
    app.add_exception_handler(Exception, _unexpected)


def problem(status: int, detail: str, **headers: str) -> JSONResponse:
    """An error."""
    named = request_id()
    if named:  # also in the header: a failure that nobody expected is answered outside of who else puts it there
        headers[REQUEST_ID] = named
    return JSONResponse(problem_body(status, detail, named), status, headers=headers, media_type=PROBLEM_JSON)


def problem_body(status: int, detail: str, named: str) -> dict[str, str | int]:
    """The body of an error; `named` is the request's id, left out when there is none."""
    printable = redacted(detail).encode("utf-8", "backslashreplace").decode()  # it may quote a lone surrogate
    body: dict[str, str | int] = {"type": "about:blank", "title": _title(status), "status": status, "detail": printable}
    return body if not named else body | {"request_id": named}


def _title(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def document_problems(app: FastAPI) -> None:
    """Have `/openapi.json` say that problems have a media type of their own; FastAPI writes down that of the route."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for methods in generate()["paths"].values():
                for route in methods.values():
                    for response in route["responses"].values():
                        content = response.get("content", {})
                        for media_type, body in list(content.items()):
                            if body.get("schema", {}).get("$ref") == "#/components/schemas/Problem":
                                content[PROBLEM_JSON] = content.pop(media_type)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request, headers.get("Allow", "")))
    if error.status_code < 200 or error.status_code in (204, 205, 304):
        return Response(status_code=error.status_code, headers=headers)
    return problem(error.status_code, str(error.detail), **headers)


def _methods(request: Request, named: str) -> list[str]:
    """All that the path takes, as the document has it; the router names those of the first of its routes alone."""
    found = set(filter(None, named.split(", ")))
    for template, operations in request.app.openapi()["paths"].items():
        if _pattern(template).match(request.scope["path"]):
            found |= {method.upper() for method in operations}
    return sorted(found | ({"HEAD"} if "GET" in found else set()))


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return compile_path(template)[0]


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    first = details[0]
    if first["type"] == "body":
        return problem(422, str(first["msg"]))
    where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
    message = _message(first)
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return problem(422, f"{where or 'the body'}: {message}{more}")


def _message(detail: dict[str, Any]) -> str:
    """Why one field is refused, and what to send instead where pydantic does not explain it."""
    message = str(detail["msg"]).removeprefix("Value error, ")
    if detail["type"] == "multiple_of":
        width = int(detail["ctx"]["multiple_of"])
        given = int(Decimal(str(detail["input"])))  # `61.0` is a whole number, too
        choices = [str(one) for one in (given // width * width, given // width * width + width) if one > 0] or [
            str(width)
        ]
        nearest = f"the nearest {'are' if len(choices) > 1 else 'is'} {', '.join(choices)}"
        return f"{detail['input']} is no multiple of {width}" + (f"; {nearest}" if abs(given) < _FAR else "")
    if detail["type"].startswith("datetime"):
        lowered = message[0].lower() + message[1:]
        return f"{lowered}; write 2026-11-20T10:00:00Z (in an address a + of an offset is %2B)"
    return message


async def _unavailable(_request: Request, error: Exception) -> JSONResponse:
    return problem(503, str(error), **{"Retry-After": str(RETRY_AFTER_S)})


async def _without_redis(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, redis.RedisError)
    trouble = trouble_of(error)
    _log.warning("Redis %s; requests for alerts and statistics are answered with 503", trouble.what)
    what = trouble.what if trouble.answers else "does not answer"  # addresses are for the log
    detail = f"Redis {what}; alerts and statistics are away"
    return problem(503, detail, **{"Retry-After": str(RETRY_AFTER_S)})


async def _model_failed(_request: Request, error: Exception) -> JSONResponse:
    return problem(500, str(error))


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    _log.error(
        "%s %s failed and was answered with 500 (request %s)",
        request.method,
        request.url.path,
        request_id(),
        exc_info=error,
    )
    return problem(500, "internal error; the API's log has the details")
