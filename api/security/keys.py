"""Keys: what one is made of, what is kept of it, and whether it is good now. Pure; `store` keeps them.

A key is `bw_ID_SECRET`. The secret is 256 random bits, so a plain SHA-256 is kept of it: there is nothing to guess, and
a slow hash (for passwords, which people choose) would only make requests slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final, Literal, NamedTuple, get_args

import msgspec

Scope = Literal["read", "predict", "feedback", "review", "operate"]
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)
ALLOWS: Final[dict[Scope, str]] = {
    "read": "alerts, silences, statistics, the model, health in full, metrics, the pages",
    "predict": "predictions and explanations",
    "feedback": "judgements of predictions",
    "review": "the review queue",
    "operate": "silences, acknowledgements, promoting models",
}
"""What each scope is for. None contains another."""

_FORM: Final = re.compile(r"bw_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NOBODYS_DIGEST: Final = "0" * 64

KeyState = Literal["active", "expired", "revoked"]


class KeyRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """What is kept of a key. The key itself is not."""

    id: str
    name: str
    """Whose it is; not unique, so that a rotated key keeps it."""
    digest: str
    """SHA-256 of the secret, hexadecimal."""
    scopes: tuple[Scope, ...]
    created_ms: int
    created_by: str
    expires_ms: int | None = None
    """None: never."""
    revoked_ms: int | None = None
    replaces: str | None = None
    """Id of the key that this one was made for."""

    def state(self, now_ms: int) -> KeyState:
        """Whether it is good now."""
        if self.revoked_ms is not None:
            return "revoked"
        return "expired" if self.expires_ms is not None and self.expires_ms <= now_ms else "active"


class NewKey(NamedTuple):
    """A key at the only moment at which it is known."""

    text: str
    record: KeyRecord


def new_key(
    name: str,
    scopes: tuple[Scope, ...],
    *,
    now_ms: int,
    created_by: str,
    expires_ms: int | None = None,
    replaces: str | None = None,
) -> NewKey:
    """A random key and what is to be kept of it."""
    secret = secrets.token_urlsafe(32)
    record = KeyRecord(
        id=secrets.token_hex(6),
        name=name,
        digest=digest_of(secret),
        scopes=scopes,
        created_ms=now_ms,
        created_by=created_by,
        expires_ms=expires_ms,
        replaces=replaces,
    )
    return NewKey(f"bw_{record.id}_{secret}", record)


class PresentedKey(NamedTuple):
    """A text of the form of a key."""

    id: str
    secret: str

    @classmethod
    def read(cls, text: str) -> PresentedKey | None:
        """None when the text has not the form of a key."""
        found = _FORM.fullmatch(text)
        return None if found is None else cls(found[1], found[2])

    def is_that_of(self, record: KeyRecord | None) -> bool:
        """Compared in constant time; with None as long as with a record."""
        same = hmac.compare_digest(digest_of(self.secret), _NOBODYS_DIGEST if record is None else record.digest)
        return same and record is not None


def digest_of(secret: str) -> str:
    """What is kept of a random secret: SHA-256, hexadecimal."""
    return hashlib.sha256(secret.encode()).hexdigest()
