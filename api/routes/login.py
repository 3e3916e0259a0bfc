"""Signing in with a key, for browsers: a page, a cookie, and who is signed in."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, BackgroundTasks, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel

from api.errors import REFUSALS
from api.language import Language, language_of
from api.parts import Parts, PartsOf
from api.query import KnownQuery
from api.security import csrf
from api.security.gate import Caller
from api.security.keys import KeyRecord, PresentedKey, Scope
from api.security.sessions import COOKIE, Sessions
from contracts.audit import AuditEvent

router = APIRouter(tags=["session"])

_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{sign_in} · buzzwatch</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 26rem; margin: 12vh auto; padding: 0 1rem }}
label, input, button {{ display: block; width: 100%; box-sizing: border-box; font: inherit }}
input, button {{ padding: .6rem; margin: .4rem 0 1rem }}
</style></head>
<body><main><h1>buzzwatch</h1>
<form method="post" action="/login">
{wrong}<label for="key">{key}</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<input type="hidden" name="next" value="{next}">
<button>{sign_in}</button>
</form>
<p>{whence} <code>buzzwatch keys create</code>.</p>
</main></body></html>
"""
_WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "sign_in": "Sign in",
        "key": "Your key",
        "whence": "A key comes from whoever runs this:",
        "wrong": "This key is unknown, expired or revoked.",
    },
    "fr": {
        "sign_in": "Se connecter",
        "key": "Votre clé",
        "whence": "Une clé est donnée par qui exploite ce service\u202f:",
        "wrong": "Cette clé est inconnue, expirée ou révoquée.",
    },
}


class SessionBody(BaseModel):
    """Who asks."""

    name: str
    """That of the key; `local` where no keys are needed."""
    scopes: list[Scope]
    csrf_token: str
    """For what changes something: as field `csrf_token` of a form, or in the header `x-csrf-token`."""


@router.get("/session", responses=REFUSALS, dependencies=[KnownQuery])
async def session(request: Request) -> SessionBody:
    """Who asks, and what they may. For pages: the token that their forms carry."""
    caller: Caller = request.state.caller
    return SessionBody(name=caller.name, scopes=sorted(caller.scopes), csrf_token=csrf.csrf_token(request))


@router.get("/login", include_in_schema=False)
async def login_page(
    request: Request, next_page: Annotated[str, Query(alias="next", max_length=2000)] = "/"
) -> HTMLResponse:
    """Asks for a key."""
    return _page(request, next_page)


@router.post("/login", include_in_schema=False)
async def login(
    request: Request,
    parts: PartsOf,
    background: BackgroundTasks,
    key: Annotated[str, Form(max_length=200)],
    next_page: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Exchanges a key for a cookie."""
    csrf.refuse_other_sites(request)
    gate = parts.gate
    if gate.sessions is not None:
        await gate.rates.check("login", request.client.host if request.client else "")
    presented = PresentedKey.read(key.strip())
    record = None
    if presented is not None and gate.keyring is not None and gate.sessions is not None:
        record = await gate.keyring.holder(presented)
    if record is None:
        return _page(request, next_page, refused=True)
    assert gate.sessions is not None
    signed_in = AuditEvent(who=record.name, what="session.begun", subject=f"key {record.id}")
    token = await asyncio.to_thread(_begun, parts, gate.sessions, record, signed_in)
    answer = RedirectResponse(_own_page(next_page), 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=gate.sessions.lasts_s,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    background.add_task(parts.audit, signed_in)
    answer.background = background
    return answer


def _begun(parts: Parts, sessions: Sessions, record: KeyRecord, signed_in: AuditEvent) -> str:
    """The token of a new session; that somebody signed in is in Redis before."""
    with parts.audit_kept(signed_in):
        return sessions.begin(record)


@router.post("/logout", include_in_schema=False)
async def logout(request: Request, parts: PartsOf) -> RedirectResponse:
    """Ends the session."""
    await csrf.check(request)
    token = request.cookies.get(COOKIE)
    if token and parts.gate.sessions is not None:
        await parts.gate.sessions.end(token)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax")
    return answer


def _page(request: Request, next_page: str, *, refused: bool = False) -> HTMLResponse:
    language = language_of(request)
    words = _WORDS[language]
    wrong = f'<p role="alert"><strong>{words["wrong"]}</strong></p>\n' if refused else ""
    shown = {**words, "wrong": wrong, "language": language, "next": escape(_own_page(next_page), quote=True)}
    return HTMLResponse(_PAGE.format(**shown), 401 if refused else 200, headers={"cache-control": "no-store"})


def _own_page(asked: str) -> str:
    """The page to go to after signing in; never one of another site."""
    parts = urlsplit(asked)
    own = asked.startswith("/") and not parts.netloc and "\\" not in asked and asked.isprintable()
    return asked if own and not asked.startswith("//") else "/"
