"""The result of one attempt to deliver, for every kind of receiver."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import httpx

from alerts.outbox.backoff import retry_after_s
from alerts.receivers.transport.redaction import without

_RETRY_AFTER_STATUS: Final = (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE)
_LONGEST: Final = 300
_EXCERPT: Final = 200
"""How much of an answer is read when it is no success, bytes: the receiver's own reason."""
_UNSIGNED: Final = "name your authority with SSL_CERT_FILE, or have it signed by a public one"
_REMEDIES: Final = {
    # X509_V_ERR_… of OpenSSL's x509_vfy.h
    9: "compare the clocks of both machines",
    10: "renew it on the receiver",
    18: _UNSIGNED,
    19: _UNSIGNED,
    20: _UNSIGNED,
    21: _UNSIGNED,
    62: "post to a name that it has, or have it issued for this one",
    64: "post to a name that it has, or have it issued for this address",
}
"""What to do about a certificate, by the number of what is wrong with it."""


class DeliveryResult(NamedTuple):
    """The result of one attempt; `gone`: the receiver answered 410 and gets no further notifications."""

    outcome: Literal["delivered", "failed", "gone"]
    detail: str
    """Status, error or the receiver's own reason, in one line."""
    retry_after_s: float | None = None


def of_response(response: httpx.Response, now_ms: int) -> DeliveryResult:
    """2xx is delivered, 410 is gone, anything else has failed; 429 and 503 may name a pause (`Retry-After`).

    Args:
        response: streamed, its body not yet read.
    """
    status = response.status_code
    if response.is_success:
        return DeliveryResult("delivered", f"answered {status}")
    if status == httpx.codes.GONE:
        return DeliveryResult("gone", "410 Gone")
    wait = retry_after_s(response.headers.get("retry-after"), now_ms) if status in _RETRY_AFTER_STATUS else None
    reason = "redirects are not followed" if response.has_redirect_location else _excerpt(response)
    return DeliveryResult("failed", f"answered {status}{f': {reason}' if reason else ''}", wait)


def of_failure(failure: Exception, secrets: Iterable[str] = ()) -> DeliveryResult:
    """The receiver did not answer.

    Args:
        secrets: of the receiver; they are removed, since the failure may contain them.
    """
    said = _of_certificate(failure) or f"{type(failure).__name__}: {failure}"
    return DeliveryResult("failed", " ".join(without(said, secrets).split())[:_LONGEST])


def _of_certificate(failure: BaseException | None) -> str | None:
    """What is wrong with the receiver's TLS, and what to do; None where that is not why it failed."""
    while failure is not None:
        if isinstance(failure, ssl.SSLCertVerificationError):
            wrong = failure.verify_message.rstrip(".")
            remedy = _REMEDIES.get(failure.verify_code)
            return f"the receiver's TLS certificate is refused: {wrong}{f': {remedy}' if remedy else ''}"
        if isinstance(failure, ssl.SSLError) and failure.reason == "WRONG_VERSION_NUMBER":
            return "the receiver speaks no TLS there (SSL: WRONG_VERSION_NUMBER): is its address http:// instead?"
        failure = failure.__cause__ or failure.__context__  # httpcore raises its own without naming a cause
    return None


def _excerpt(response: httpx.Response) -> str:
    """The beginning of the body in one line; empty for a compressed body, which may grow without bound."""
    if "content-encoding" in response.headers:
        return ""
    try:
        start = next(response.iter_raw(_EXCERPT), b"")
    except httpx.HTTPError:
        return ""
    text = " ".join(start.decode(errors="replace").split())
    return "".join(letter for letter in text if letter.isprintable())
