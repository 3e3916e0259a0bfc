"""Forms of other sites: a browser sends our cookie along with them, and must not be believed.

Two guards: browsers say from which site a request comes (`Sec-Fetch-Site`, `Origin`), and a form of ours carries a
token that only our pages can read. The cookie is `SameSite=Lax` besides.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final
from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from api.security.sessions import COOKIE

FIELD: Final = "csrf_token"
"""Of a form."""
HEADER: Final = "x-csrf-token"
"""Of a request that a script of ours makes."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data", "text/plain")
_WITHOUT_SESSION: Final = secrets.token_bytes(32)
"""Where no keys are needed there are no sessions; the token then holds until the process ends."""


def csrf_token(request: Request) -> str:
    """The token of the forms on a page that answers this request."""
    session = request.cookies.get(COOKIE)
    return hmac.new(session.encode() if session else _WITHOUT_SESSION, b"csrf", hashlib.sha256).hexdigest()


async def check(request: Request) -> None:
    """See that a request which changes something comes from a page of ours, or from no browser.

    With the cookie of a session the token is always needed; where no keys are needed, a form needs it: JSON cannot be
    sent here from another site, as no other origin is allowed (CORS).

    Raises:
        HTTPException: 403.
    """
    if request.method in _SAFE:
        return
    refuse_other_sites(request)
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if COOKIE not in request.cookies and kind not in _FORMS:
        return
    given = request.headers.get(HEADER)
    if given is None and kind in _FORMS[:2]:
        field = (await request.form()).get(FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not hmac.compare_digest(given.encode(), csrf_token(request).encode()):
        raise HTTPException(
            403, f"the form is too old, or not ours: load the page again (its token goes into {FIELD} or {HEADER})"
        )


def refuse_other_sites(request: Request) -> None:
    """Refuse what the page of another site sends.

    Raises:
        HTTPException: 403.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    ours = request.headers.get("host", "")
    other = site not in ("same-origin", "none") if site else origin is not None and urlsplit(origin).netloc != ours
    if other:
        raise HTTPException(403, "the request comes from a page of another site")
