"""The part of a rules file that names `receivers`, each of a kind."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

import pydantic
from pydantic import Discriminator, Field, Tag

from contracts.rules.strict import Duration, Flag, Name, Strict, lasting, mistake


def _reachable(url: str) -> str:
    try:
        parts = urlsplit(url)
        named = parts.scheme in ("http", "https") and parts.hostname and not re.search(r"\s", url)
    except ValueError:  # a bracket that does not close
        named = None
    if not named:
        raise ValueError("must be an address such as https://hooks.example.org/buzzwatch")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port == 0:
        raise ValueError("the port must be a number from 1 to 65535")
    return url


HttpUrl = Annotated[str, pydantic.AfterValidator(_reachable)]
_TOKEN: Final = re.compile(r"[!-~]+")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_APPRISE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://.+", re.DOTALL)


class BaseReceiver(Strict):
    """What every kind has."""

    name: Name
    send_resolved: Flag = True


class Webhook(BaseReceiver):
    """Alerts are posted, signed per Standard Webhooks."""

    kind: Literal["webhook"] = "webhook"
    url: Annotated[HttpUrl, Field(repr=False)]
    secret: Annotated[str | None, Field(repr=False)] = None
    """`whsec_` and the key in base64 (24 to 64 bytes)."""
    secrets: Annotated[tuple[str, ...], Field(repr=False)] = ()
    """Several at once while they are changed: each makes a signature, and the receiver takes the one it knows."""
    format: Literal["alertmanager", "cloudevents"] = "alertmanager"
    """The body: Alertmanager's webhook, version 4, or a CloudEvent (JSON, structured mode) with that as its data."""

    @pydantic.field_validator("secret", "secrets")
    @classmethod
    def _is_key(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for secret in (value,) if isinstance(value, str) else value or ():
            if not secret.startswith("whsec_"):
                raise ValueError("must be whsec_ and 24 to 64 random bytes in base64")
            try:
                key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
            except ValueError:
                raise ValueError("what follows whsec_ is not base64") from None
            if not 24 <= len(key) <= 64:  # as Standard Webhooks has it
                raise ValueError(f"what follows whsec_ stands for {len(key)} bytes; 24 to 64 are safe")
        return value

    @pydantic.model_validator(mode="after")
    def _signed(self) -> Webhook:
        if (self.secret is None) == (not self.secrets):
            raise mistake("give secret or secrets, one of them")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The secrets to sign with."""
        return self.secrets if self.secret is None else (self.secret,)


class Alertmanager(BaseReceiver):
    """Alerts are handed to an Alertmanager as Prometheus does; grouping, repeats and routes are then its own."""

    kind: Literal["alertmanager"]
    url: HttpUrl
    """Where it is, without `/api/v2/alerts`."""
    username: str | None = None
    """For basic authentication."""
    password: Annotated[str | None, Field(repr=False)] = None
    bearer_token: Annotated[str | None, Field(repr=False)] = None
    resend_delay: Annotated[Duration, lasting("1s", "1h")] = 60.0
    """How often what fires is sent again. Without news for four times as long, Alertmanager takes it for resolved."""

    @pydantic.field_validator("url")
    @classmethod
    def _of_the_server(cls, value: str) -> str:
        if re.search(r"/api/v\d", value):
            raise ValueError("must be where the Alertmanager is, without /api/v2/alerts, which is added")
        if "?" in value or "#" in value:
            raise ValueError("must be where the Alertmanager is, without anything from ? or # on")
        return value

    @pydantic.field_validator("bearer_token")
    @classmethod
    def _fits_a_header(cls, value: str | None) -> str | None:
        if value is not None and not _TOKEN.fullmatch(value):
            raise ValueError("must be ASCII without spaces and line breaks, also at its end, and not empty")
        return value

    @pydantic.field_validator("username", "password")
    @classmethod
    def _of_one_line(cls, value: str | None) -> str | None:
        if value is not None and _CONTROL.search(value):  # RFC 7617, 2
            raise ValueError("must not contain line breaks, also at its end, or other control characters")
        return value

    @pydantic.model_validator(mode="after")
    def _one_way_in(self) -> Alertmanager:
        if (self.username is None) != (self.password is None):
            raise mistake("username and password go together")
        if self.username is not None and self.bearer_token is not None:
            raise mistake("give username and password, or bearer_token")
        return self


class Apprise(BaseReceiver):
    """Alerts are sent as text to all that Apprise speaks to: Slack, mail, SMS, PagerDuty, Teams and so on."""

    kind: Literal["apprise"]
    url: Annotated[str | None, Field(repr=False)] = None
    """As Apprise writes it: `slack://…`, `mailtos://…`, `pagerduty://…`."""
    url_file: Path | None = None
    """A file with such addresses, one in a line; read anew for each notification. The notifier must have it, no other
    process."""

    @pydantic.field_validator("url")
    @classmethod
    def _with_scheme(cls, value: str | None) -> str | None:
        if value is not None and not _APPRISE.fullmatch(value):
            raise ValueError("must be an address as Apprise writes it, such as mailtos://user:password@example.org")
        return value

    @pydantic.model_validator(mode="after")
    def _one_address(self) -> Apprise:
        if (self.url is None) == (self.url_file is None):
            raise mistake("give url or url_file, one of them")
        return self


def _kind(value: Any) -> Any:
    """A receiver without `kind` is a webhook."""
    return value.get("kind", "webhook") if isinstance(value, dict) else getattr(value, "kind", None)


Receiver = Annotated[
    Annotated[Webhook, Tag("webhook")]
    | Annotated[Alertmanager, Tag("alertmanager")]
    | Annotated[Apprise, Tag("apprise")],
    Discriminator(
        _kind,
        custom_error_type="receiver_kind",
        custom_error_message="kind must be webhook, alertmanager or apprise",
    ),
]
AnyReceiver = Webhook | Alertmanager | Apprise
