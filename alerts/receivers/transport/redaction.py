"""Tokens and passwords, kept out of what is logged, stored and shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote

from contracts.redaction import secrets_of_address
from contracts.rules.receivers import Alertmanager, AnyReceiver, Apprise, Webhook

_SHORTEST: Final = 6
"""Shorter parts of an address are not treated as tokens."""
_NAMED_HOST: Final = re.compile(
    r"(?:(?:[a-z0-9-]+\.)+[a-z]{2,}|\d+(?:\.\d+){3}|\[[0-9a-f:.]+\]|localhost)(?::\d+)?", re.IGNORECASE
)
"""What can only be a host. Services with a fixed host often have a token in that position."""


def without(text: str, secrets: Iterable[str]) -> str:
    """The text with each secret replaced by `…`."""
    for secret in sorted({secret for secret in secrets if secret}, key=len, reverse=True):
        text = re.sub(re.escape(secret), "…", text, flags=re.IGNORECASE)
    return text


def secrets_of(receiver: AnyReceiver) -> list[str]:
    """The secrets of this receiver in the rules file."""
    found: list[str | None]
    match receiver:
        case Webhook():
            found = [*receiver.keys, *secrets_of_address(receiver.url)]
        case Alertmanager():
            found = [receiver.bearer_token, receiver.password, *secrets_of_address(receiver.url)]
        case Apprise():
            found = [] if receiver.url is None else [*secrets_in(receiver.url)]
    return [secret for secret in found if secret]


def secrets_in(url: str) -> list[str]:
    """Every part of Apprise's address that may be a token or password, as it is written and decoded.

    Each plugin has its own position for them: before an `@`, instead of the host, in the path, in the query. What
    follows an `@` is no secret if it has the form of a host.
    """
    address, _, query = (url.partition("://")[2] or url).partition("?")
    credentials, at, rest = address.rpartition("@")
    host, _, path = rest.partition("/")
    fields = [credentials, credentials.partition(":")[2], path if at and _NAMED_HOST.fullmatch(host) else rest]
    fields += [pair.partition("=")[2] if "=" in pair else pair for pair in query.split("&")]
    parts = [part for field in fields for part in (field, *re.split(r"[/:@?&=,;#]", field), *field.split())]
    return [form for part in parts for form in {part, unquote(part)} if len(form) >= _SHORTEST]
