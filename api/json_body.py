"""The body of a request: JSON in UTF-8, gzipped or not. Everything else gets one line that says what to send instead.

FastAPI alone answers "Input should be a valid dictionary" to a body whose content type is missing, and 400 to some
bodies and 422 to others that are no JSON.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Coroutine
from email.message import Message
from functools import lru_cache
from typing import Any, Final, NoReturn, TypeVar

import msgspec
import pydantic
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.params import Security
from fastapi.routing import APIRoute
from starlette.routing import Match, Route
from starlette.types import Scope

from api.bodies import Problem
from api.errors import REFUSALS
from api.limits import limit_of

Body = TypeVar("Body", bound=pydantic.BaseModel)
_GZIP: Final = frozenset({"gzip", "x-gzip"})
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_SEND: Final = "send it with the header `content-type: application/json`"
RESPONSES: Final[dict[int | str, dict[str, Any]]] = REFUSALS | {
    408: {"model": Problem, "description": "The body did not arrive in time"},
    413: {"model": Problem, "description": "The body is too large, gzipped or not"},
    415: {
        "model": Problem,
        "description": "The body is no JSON by its headers, or compressed, and not with gzip",
    },
    422: {"model": Problem, "description": "The body is no JSON, or a field is wrong"},
    500: {"model": Problem, "description": "The model failed on this text, or a mistake of ours"},
}
"""Of every route that takes a body."""


class JsonRoute(APIRoute):
    """A route whose body, if it has one, is read by `JsonRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, with a request that knows how to be read."""
        handler = super().get_route_handler()
        if self.body_field is None:
            return handler

        async def with_json(request: Request) -> Response:
            readable = JsonRequest(request.scope, request.receive)
            await readable.read()
            return await handler(readable)

        return with_json


class Shortcut(Route):
    """A route past FastAPI; it is called by its path in metrics and traces, as FastAPI's are."""

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether a request is for it."""
        match, found = super().matches(scope)
        return match, {**found, "route": self}


class JsonRequest(Request):
    """Unpacks gzip, and refuses what only Python takes for JSON."""

    _plain: bytes | None = None
    _value: Any = None

    async def read(self) -> None:
        """Read it, before FastAPI does, which makes a 400 of what is raised meanwhile.

        Raises:
            HTTPException: 415, 413.
            RequestValidationError: there is no body, or it is no JSON object.
        """
        if not await self.body():
            _invalid("the body is empty; send a JSON object")
        stated = self.headers.get("content-type")
        if not stated:
            raise HTTPException(415, f"the body has no content type: {_SEND}")
        problem = _trouble_with(stated)
        if problem is not None:
            raise HTTPException(415, problem)
        self._value = _object(await self.body())

    async def body(self) -> bytes:
        """The bytes, unpacked.

        Raises:
            HTTPException: 415 for another compression, 413 when it unpacks to more than the limit.
        """
        if self._plain is None:
            packed = await super().body()
            codings = [part.strip().lower() for part in self.headers.get("content-encoding", "").split(",")]
            codings = [coding for coding in codings if coding not in ("", "identity")]
            if codings and (len(codings) > 1 or codings[0] not in _GZIP):
                raise HTTPException(
                    415,
                    f"the body's content encoding is {', '.join(codings)}: send it with gzip or as it is",
                    headers={"Accept-Encoding": "gzip"},
                )
            self._plain = _unpacked(packed, limit_of(self.scope["path"])) if codings and packed else packed
        return self._plain

    async def json(self) -> Any:
        """The object that was read."""
        return self._value


async def read_as(request: Request, form: type[Body], permission: Security) -> Body:
    """What a route of `JsonRoute` does before it is called, in the same order and with the same errors.

    Args:
        request: whose body has not been read.
        form: what the body is.
        permission: `api.security.gate.require` of a scope.

    Raises:
        HTTPException: 401, 403, 413, 415, 429.
        RequestValidationError: the body is no JSON object, or none of this form.
    """
    readable = JsonRequest(request.scope, request.receive)
    await readable.read()
    assert permission.dependency is not None
    await permission.dependency(readable)
    try:
        return form.model_validate(await readable.json())
    except pydantic.ValidationError as error:
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in error.errors()]) from None


def encoded(answer: Any) -> Response:
    """An answer of msgspec's types as JSON."""
    return Response(msgspec.json.encode(answer), media_type="application/json")


@lru_cache(256)
def _trouble_with(content_type: str) -> str | None:
    """Why a body with this header is not read; None when it is."""
    header = Message()
    header["content-type"] = content_type
    kind = header.get_content_type()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        return f"the body must be JSON, and its content type says {kind}: {_SEND}"
    charset = str(header.get_content_charset("utf-8"))
    return None if charset in _CHARSETS else f"the body must be UTF-8, and its content type says {charset}"


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        _invalid(f"the body is not UTF-8 (at byte {error.start}): send JSON in UTF-8")
    except json.JSONDecodeError as error:
        _invalid(f"the body is not JSON: {error.msg} (at character {error.pos})")
    except ValueError as error:  # NaN, or a number of more digits than Python reads
        _invalid(f"the body is not JSON: {str(error).partition(';')[0]}")
    except RecursionError:
        _invalid("the body is not JSON that can be read: it is nested too deeply")
    if not isinstance(value, dict):
        _invalid(f"the body must be a JSON object such as {{…}}, not {_KINDS.get(type(value), 'another value')}")
    return value


_KINDS: Final[dict[type, str]] = {
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _invalid(message: str) -> NoReturn:
    raise RequestValidationError([{"type": "body", "loc": (), "msg": message}])


def _unpacked(packed: bytes, limit: int) -> bytes:
    """Never holds more than the limit, however much a few bytes unpack to."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = unpacker.decompress(packed, limit + 1)
    except zlib.error:
        _invalid("the body is not gzip, although its content encoding says so")
    if len(plain) > limit:
        raise HTTPException(413, f"the body unpacks to more than {limit:,} bytes")
    if not unpacker.eof:
        _invalid("the gzip of the body ends too early")
    if unpacker.unused_data:
        _invalid("something follows the gzip of the body")
    return plain
