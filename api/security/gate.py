"""Who a request is from, and whether it may do what it asks.

`Authenticated` stands before every route and refuses who is nobody before a body is read; `require` is on each route
and asks for its scope.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple
from urllib.parse import quote

import redis
from fastapi import HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.params import Security
from fastapi.security.base import SecurityBase
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from api.errors import RETRY_AFTER_S, problem
from api.security import csrf
from api.security.exposure import why_no_stranger
from api.security.keyring import Keyring
from api.security.keys import ALLOWS, SCOPES, KeyRecord, PresentedKey, Scope
from api.security.rates import Rates
from api.security.sessions import COOKIE, Sessions
from contracts.errors import Unavailable
from contracts.settings import Settings

OPEN: Final = frozenset({"/livez", "/readyz", "/health", "/login", "/docs", "/redoc", "/openapi.json"})
"""What needs no key: whether it lives, and how it is used. `/health` has no details without one."""
OPEN_FOLDERS: Final = ("/static-offline-docs/", "/static/")
_CHALLENGE: Final = 'Bearer realm="buzzwatch"'


class Caller(NamedTuple):
    """Who a request is from."""

    name: str
    """That of the key; `local` where none is needed."""
    scopes: frozenset[Scope]
    via: Literal["key", "session", "machine"]
    """A key in the header, the cookie of a browser, or this machine itself."""
    key_id: str | None = None


LOCAL: Final = Caller("local", frozenset(SCOPES), "machine")


class Gate:
    """Knows the keys.

    Args:
        keyring, sessions: of Redis; None where there are none.
        rates: how often a key may ask.
        required: whether a request needs a key. Without, everything from this machine is let in.
        external_url: where people reach the API.
    """

    def __init__(
        self,
        keyring: Keyring | None,
        sessions: Sessions | None,
        rates: Rates,
        *,
        required: bool,
        external_url: str | None = None,
    ) -> None:
        self.keyring = keyring
        self.sessions = sessions
        self.rates = rates
        self.required = required
        self._external_url = external_url

    @classmethod
    def open(cls) -> Gate:
        """One that knows no keys and lets this machine in."""
        return cls(None, None, Rates(Settings()), required=False)

    def start(self) -> None:
        """Follow the keys."""
        if self.keyring is not None:
            self.keyring.start()

    def stop(self) -> None:
        """Stop following them."""
        if self.keyring is not None:
            self.keyring.stop()

    async def caller(self, request: Request) -> Caller:
        """Who a request is from.

        Raises:
            HTTPException: 401 without a key or with one that is not good, 403 when others reach an API without keys.
            Unavailable, redis.RedisError: whether the key is good cannot be found out.
        """
        kind, _, credentials = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return await self._by_key(credentials.strip())
        token = request.cookies.get(COOKIE)
        if token and self.sessions is not None:
            record = await self.sessions.holder(token)
            if record is not None:
                return _caller(record, "session")
        if self.required:
            raise _unauthorised("send a key: Authorization: Bearer bw_…")
        refusal = why_no_stranger(request, self._external_url)
        if refusal is not None:
            raise HTTPException(403, f"the request is refused: {refusal}")
        return LOCAL

    async def _by_key(self, text: str) -> Caller:
        presented = PresentedKey.read(text)
        if presented is None:
            raise _unauthorised("this is no key of buzzwatch: one looks like bw_…", error="invalid_token")
        record = None if self.keyring is None else await self.keyring.holder(presented)
        if record is None:
            raise _unauthorised("this key is unknown, expired or revoked", error="invalid_token")
        return _caller(record, "key")


class Authenticated:
    """Answers 401 to who is nobody, before anything else is done for them. Browsers are led to the sign-in page."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        is_open = scope["path"] in OPEN or scope["path"].startswith(OPEN_FOLDERS)
        try:
            request.state.caller = await request.app.state.parts.gate.caller(request)
        except (HTTPException, Unavailable, redis.RedisError) as error:
            if not is_open:
                await _refusal(request, error)(scope, receive, send)
                return
            request.state.caller = None
        await self._app(scope, receive, send)


def _refusal(request: Request, error: Exception) -> ASGIApp:
    if not isinstance(error, HTTPException):
        what = str(error) if isinstance(error, Unavailable) else "the keys cannot be read: Redis does not answer"
        return problem(503, what, **{"Retry-After": str(RETRY_AFTER_S)})
    wants_page = request.method == "GET" and "text/html" in request.headers.get("accept", "")
    if error.status_code == 401 and wants_page and "authorization" not in request.headers:
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/login?next={quote(asked, safe='')}", 303)
    return problem(error.status_code, str(error.detail), **(error.headers or {}))


class _Require(SecurityBase):
    """Asks for a scope. FastAPI writes it into `/openapi.json`."""

    def __init__(self, scope: Scope) -> None:
        self.model = HTTPBearer(description="A key of `buzzwatch keys create`, where keys are needed.")
        self.scheme_name = "key"
        self._scope = scope

    async def __call__(self, request: Request) -> Caller:
        caller: Caller | None = request.state.caller
        if caller is None:  # a route that stands open and asks for a scope all the same
            raise _unauthorised("send a key: Authorization: Bearer bw_…")
        if self._scope not in caller.scopes:
            raise HTTPException(
                403,
                f"this key may not: it lacks the scope {self._scope} ({ALLOWS[self._scope]})",
                headers={"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{self._scope}"'},
            )
        if caller.via != "key":
            await csrf.check(request)
        if caller.key_id is not None:
            await request.app.state.parts.gate.rates.check(self._scope, caller.key_id)
        return caller


def require(scope: Scope) -> Security:
    """A dependency for a route: whoever calls it needs this scope. Its value is the `Caller`."""
    return Security(_Require(scope), scopes=[scope])


def _caller(record: KeyRecord, via: Literal["key", "session"]) -> Caller:
    return Caller(record.name, frozenset(record.scopes), via, record.id)


def _unauthorised(detail: str, error: str | None = None) -> HTTPException:
    challenge = f'{_CHALLENGE}, error="{error}"' if error else _CHALLENGE
    return HTTPException(401, detail, headers={"WWW-Authenticate": challenge})
