"""What may be shown of a text that quotes addresses: no password, token or key of anybody.

For every door through which a text leaves: health pages, the doctor, logs, errors, lists. Errors of client libraries
quote the addresses that they were given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

HIDDEN: Final = "…"
_ADDRESS: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)([^\s\"'<>`]+)")
_QUERY: Final = re.compile(
    r"([?&;][^=&;#\s]*(?:pass|pwd|user|secret|token|key|auth|sig|cred|login)[^=&;#\s]*=)[^&;#\s\"'<>)]+", re.IGNORECASE
)
"""A parameter that may be a credential, by its name."""
_PAIRS: Final = re.compile(
    r"\b((?:sasl[._](?:plain[._])?password|ssl[._]key[._]password|password|passwd|secret|bearer|api[_-]?key)"
    r"['\"]?\s*[=:]\s*['\"]?)([^\s'\",;&]+)",
    re.IGNORECASE,
)
_SIGNING_KEY: Final = re.compile(r"\bwhsec_[A-Za-z0-9+/=_-]+")


def redacted(text: str, secrets: Iterable[str | None] = ()) -> str:
    """The text without credentials: of addresses (before an `@`, in the query), of `password=…`, and those given.

    Args:
        text: what is to be shown.
        secrets: texts that must not appear, whatever stands around them.
    """
    known = {form for secret in secrets if secret for form in (secret, unquote(secret))}
    for secret in sorted(known, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    if "://" in text:
        text = _ADDRESS.sub(lambda found: found[1] + _without_credentials(found[2]), text)
    text = _SIGNING_KEY.sub("whsec_" + HIDDEN, _QUERY.sub(rf"\1{HIDDEN}", text))
    return _PAIRS.sub(rf"\1{HIDDEN}", text)


def _without_credentials(rest: str) -> str:
    """What follows `://`, without user and password."""
    server = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if "@" in server:
        return server.rpartition("@")[2] + rest[len(server) :]
    port = server.rpartition(":")[2]
    # A password with an unescaped / or # in it: what stands before that is no host with a port.
    if "@" in rest and ":" in server and not port.rstrip(".,;)").isdigit():
        return rest.rpartition("@")[2]
    return rest


def secrets_of_address(address: str) -> list[str]:
    """The password of an address and the parameters of its query that may be credentials, as they are and decoded."""
    try:
        parts = urlsplit(address)
        password = parts.password
    except ValueError:
        return []
    found = [password] if password else []
    found += [value for name, value in parse_qsl(parts.query) if value and _QUERY.match(f"?{name}=x")]
    return [form for secret in found for form in dict.fromkeys((secret, unquote(secret)))]
