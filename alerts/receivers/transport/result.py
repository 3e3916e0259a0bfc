"""What came of one attempt, whatever the kind of receiver."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import httpx

from alerts.outbox.backoff import retry_after_s
from alerts.receivers.transport.redaction import without

_PATIENT: Final = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_LONGEST: Final = 300
_EXCERPT: Final = 200
"""How much of an answer is read when it is no success, bytes: the receiver's own reason."""


class Answer(NamedTuple):
    """`gone`: the receiver wants nothing any more."""

    outcome: Literal["delivered", "failed", "gone"]
    said: str
    """One line for a person."""
    retry_after_s: float | None = None


def of_response(response: httpx.Response, now_ms: int) -> Answer:
    """2xx is delivered, 410 is gone, anything else has failed; 429 and 503 may say for how long.

    Args:
        response: streamed, its body not yet read.
    """
    status = response.status_code
    if response.is_success:
        return Answer("delivered", f"answered {status}")
    if status == httpx.codes.GONE:
        return Answer("gone", "410 Gone")
    wait = retry_after_s(response.headers.get("retry-after"), now_ms) if status in _PATIENT else None
    reason = "redirects are not followed" if response.has_redirect_location else _excerpt(response)
    return Answer("failed", f"answered {status}{f': {reason}' if reason else ''}", wait)


def of_failure(failure: Exception, secrets: Iterable[str] = ()) -> Answer:
    """There was no answer.

    Args:
        secrets: the receiver's, which the failure may have named and nobody is to read.
    """
    return Answer("failed", " ".join(without(f"{type(failure).__name__}: {failure}", secrets).split())[:_LONGEST])


def _excerpt(response: httpx.Response) -> str:
    """Its beginning, as one line; nothing of what is compressed, as little may become much."""
    if "content-encoding" in response.headers:
        return ""
    try:
        start = next(response.iter_raw(_EXCERPT), b"")
    except httpx.HTTPError:
        return ""
    text = " ".join(start.decode(errors="replace").split())
    return "".join(letter for letter in text if letter.isprintable())
