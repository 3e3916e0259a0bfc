"""Makes pages of templates."""

from __future__ import annotations

import gzip
import logging
import re
import time
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

import jinja2
import redis
from fastapi import HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute

from alerts.state.alert import Alert
from alerts.storage.redis_health import trouble_of
from api.language import language_of
from api.security import csrf
from api.security.gate import Caller
from api.security.keys import Scope
from contracts.errors import BuzzwatchError
from contracts.redaction import redacted
from contracts.rules.matchers import matcher
from contracts.times import clock_ms, to_rfc3339
from dashboard.html.files import FILES
from dashboard.html.lines import line_in
from dashboard.html.words import translator
from dashboard.room import Room

_log = logging.getLogger("buzzwatch.dashboard")

PAGES: Final = (
    ("", "Now", "n"),
    ("alerts", "Alerts", "a"),
    ("watch", "Watch", "w"),
    ("try", "Try it", "t"),
    ("review", "Review", "r"),
    ("model", "Model", "m"),
    ("system", "System", "s"),
)
"""The navigation: name in the address (none: the first page), what people read, and the key after `g`."""

NEEDS: Final[dict[str, Scope]] = {"try": "predict", "review": "review"}
"""The scope that a page needs; `read` where it is not named."""

THEME_COOKIE: Final = "buzzwatch_theme"
NAME_COOKIE: Final = "buzzwatch_name"
SAID_COOKIE: Final = "buzzwatch_said"
KEPT_S: Final = 365 * 86_400
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
    "vary": "accept-encoding, accept-language, cookie",
}

_GROUPED: Final = re.compile(r"\b\d{1,3}(?:,\d{3})+\b")

_environment: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).resolve().parent.parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "sort_keys": True}


def page(request: Request, room: Room, template: str, *, status: int = 200, **values: Any) -> Response:
    """A page in the reader's language; compressed where the browser takes it."""
    language = language_of(request)
    t = translator(language)
    # Only where somebody sees it: what a page fetches to renew its parts would use the line up.
    is_seen = request.headers.get("sec-fetch-dest", "document") == "document"
    said = request.cookies.get(SAID_COOKIE) if is_seen else None
    html = _environment.get_template(template).render(
        t=t,
        line=lambda text: line_in(language, text),
        lines=lambda texts: "; ".join(line_in(language, text) for text in texts),
        language=language,
        colon="\u202f:" if language == "fr" else ":",
        look=request.cookies.get(THEME_COOKIE) if request.cookies.get(THEME_COOKIE) in ("light", "dark") else "",
        who=name_of(request),
        may=_scopes(request),
        signed_in=_is_signed_in(request),
        csrf_token=csrf.csrf_token(request),
        said=None if said is None else _line(said),
        room=room,
        pages=[one for one in PAGES if NEEDS.get(one[0], "read") in _scopes(request)],
        files=f"{room.path}room/static/{FILES.version}",
        has_charts=FILES.has_charts,
        words={text: t(text) for text in sorted(FILES.words)} if language != "en" else {},
        here=request.url.path,
        address=str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
        now_ms=clock_ms(),
        number=lambda value, digits=0: _number(value, digits, language),
        percent=lambda value, digits=0: _percent(value, digits, language),
        signed=lambda value, digits: ("−" if value < 0 else "+") + _number(abs(value), digits, language),
        grouped=lambda text: _GROUPED.sub(lambda number: _number(int(number[0].replace(",", "")), 0, language), text),
        iso=to_rfc3339,
        clock=_clock,
        ago=lambda ms: _ago(ms, t),
        query=urlencode,
        lasted=lambda ms: span_of(ms / 1000, t),
        these=_matchers_of,
        watch_page=lambda watch, theme="": f"{room.at('watch')}?{urlencode({'watch': watch, 'theme': theme})}",
        **values,
    )
    body, headers = html.encode("utf-8", "replace"), dict(_HEADERS)
    if "gzip" in request.headers.get("accept-encoding", ""):
        body = gzip.compress(body, 5)
        headers["content-encoding"] = "gzip"
    response = HTMLResponse(body, status, headers=headers)
    if said is not None:
        response.delete_cookie(SAID_COOKIE, path=room.path)
    return response


def back(
    request: Request, room: Room, said: str, *, wrong: bool = False, anchor: str = "", **values: object
) -> RedirectResponse:
    """To the page that the form was on, with one line to show there, in the reader's language.

    Args:
        anchor: id of what has the focus then.
    """
    language = language_of(request)
    shown = {name: line_in(language, str(value)) for name, value in values.items()}
    said = translator(language)(said, **shown)
    target = request.headers.get("referer", "")
    origin = str(request.base_url).rstrip("/")
    # Only an address here: a redirect to somewhere else would be somebody else's.
    target = target.removeprefix(origin) if target.startswith(f"{origin}/") else room.at()
    response = RedirectResponse(f"{target}#{anchor}" if anchor else target, 303)
    line = quote(f"{'!' if wrong else '.'}{said}")
    response.set_cookie(SAID_COOKIE, line, max_age=60, path=room.path, httponly=True, samesite="strict")
    return response


def remember_name(response: Response, room: Room, who: str) -> Response:
    """The name is filled in the next time."""
    response.set_cookie(
        NAME_COOKIE, quote(who.strip()), max_age=KEPT_S, path=room.path, samesite="strict", httponly=True
    )
    return response


class PageRoute(APIRoute):
    """What goes wrong on a page is said on a page."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler."""
        handler = super().get_route_handler()

        async def on_a_page(request: Request) -> Response:
            try:
                return await handler(request)
            except HTTPException as error:
                return failed(request, error.status_code, str(error.detail))
            except RequestValidationError as error:
                first = error.errors()[0]
                field = ".".join(str(part) for part in first["loc"][1:])
                return failed(request, 422, f"{field}: {str(first['msg']).removeprefix('Value error, ')}")
            except redis.RedisError as error:
                trouble = trouble_of(error)
                what = trouble.what if trouble.answers else "does not answer"
                return failed(request, 503, f"Redis {what}: counters and alerts cannot be shown")
            except BuzzwatchError as error:
                return failed(request, 503, str(error))
            except Exception:
                _log.exception("%s %s failed and was answered with 500", request.method, request.url.path)
                return failed(request, 500, "a mistake of ours; the log says more")

        return on_a_page


def failed(request: Request, status: int, what: str) -> Response:
    """The page that says what went wrong, in one line, and what to do."""
    return page(request, request.app.state.room, "failed.html", status=status, code=status, what=redacted(what))


def name_of(request: Request) -> str:
    """What the field *who* is filled in with: who is signed in, else the name that was given last."""
    if _is_signed_in(request):
        return str(request.state.caller.name)
    return unquote(request.cookies.get(NAME_COOKIE, ""))


def caller_of(request: Request, who: str) -> str:
    """Whose name is written down: the key's, and where none is needed the one that was given."""
    caller: Caller | None = request.state.caller
    return who.strip() if caller is None or caller.via == "machine" else caller.name


def _is_signed_in(request: Request) -> bool:
    """By a key on the sign-in page."""
    caller: Caller | None = request.state.caller
    return caller is not None and caller.via == "session"


def _scopes(request: Request) -> frozenset[str]:
    """What the reader may do."""
    caller: Caller | None = request.state.caller
    return frozenset(caller.scopes) if caller is not None else frozenset()


def _line(cookie: str) -> tuple[bool, str]:
    """Whether something went wrong, and the line."""
    text = unquote(cookie)
    return text[:1] == "!", text[1:300]


def _number(value: float, digits: int, language: str) -> str:
    text = f"{value:,.{digits}f}"
    return text.replace(",", "\u202f").replace(".", ",") if language == "fr" else text


def _percent(value: float | None, digits: int, language: str) -> str:
    if value is None:
        return "–"
    return _number(value * 100, digits, language) + ("\u202f%" if language == "fr" else "%")


def _clock(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def span_of(seconds: float, t: Callable[..., str]) -> str:
    """`4 min`: the largest unit alone."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {t(unit)}"
    return f"{int(seconds)} s"


def _ago(ms: int, t: Callable[..., str]) -> str:
    """`4 min ago`, `in 2 h`: how people say when."""
    seconds = time.time() - ms / 1000
    span = span_of(abs(seconds), t)
    return t("{span} ago", span=span) if seconds >= 0 else t("in {span}", span=span)


def _matchers_of(alert: Alert) -> str:
    """What a silence of this alert matches: its labels without the severity, which may rise."""
    return ", ".join(
        str(matcher(name, "=", alert.labels[name]))
        for name in ("alertname", "watch", "theme", "model_version")
        if alert.labels.get(name)
    )
