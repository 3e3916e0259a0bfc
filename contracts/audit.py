"""The event on the topic `audit`: who did what, to models, alerts and keys, when, why, and from what figures."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime
from typing import Annotated, Final

import pydantic

from contracts.errors import UnreadableRecord

_NAMESPACE: Final = uuid.UUID("0f5be2a5-6a0c-5c8e-9a8b-61756469740a")
"""Of ids that are made from what they name. Fixed for ever."""
_MAX_LINE: Final = 2_000
_WHAT: Final = re.compile(r"[a-z]+(\.[a-z_]+)+")

Figure = pydantic.StrictBool | pydantic.StrictInt | Annotated[float, pydantic.Field(allow_inf_nan=False)] | str | None


class AuditEvent(pydantic.BaseModel):
    """A record of `audit`. Key: `subject`, so that the events of one model are in order."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)

    id: uuid.UUID = pydantic.Field(default_factory=uuid.uuid4)
    """Of two records with one id the second is a repetition."""
    who: Annotated[str, pydantic.Field(min_length=1, max_length=_MAX_LINE)]
    """A person's name, or `worker NAME` where the program acted by itself."""
    when: pydantic.AwareDatetime = pydantic.Field(default_factory=lambda: datetime.now(UTC))
    what: Annotated[str, pydantic.Field(pattern=f"^{_WHAT.pattern}$", max_length=100)]
    """What was done, such as `model.promoted`, `model.rolled_back`, `canary.step`."""
    subject: Annotated[str, pydantic.Field(min_length=1, max_length=_MAX_LINE)]
    """To what: `model NAME VERSION`, mostly."""
    why: Annotated[str, pydantic.Field(max_length=_MAX_LINE)] = ""
    """The reason, in words."""
    figures: dict[str, Figure] = {}
    """What the decision was made from: name → value."""


def audit_id(*names: str) -> uuid.UUID:
    """The same id for the same names: for an event that may be written more than once."""
    return uuid.uuid5(_NAMESPACE, "/".join(names))


def model_subject(name: str, version: str) -> str:
    """How a registered version is called in `AuditEvent.subject`."""
    return f"model {name} {version}"


def shown_figure(value: Figure) -> str:
    """For people, with four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def shortened(why: str) -> str:
    """A reason of any length as `AuditEvent.why` takes it."""
    return why if len(why) <= _MAX_LINE else why[: _MAX_LINE - 1] + "…"


def decode_audit(value: bytes | None) -> AuditEvent:
    """Read the value of a record of `audit`.

    Raises:
        UnreadableRecord: not an event of ours.
    """
    try:
        return AuditEvent.model_validate(json.loads(value or b""))
    except (ValueError, RecursionError) as error:
        first = str(error).splitlines()[0]
        raise UnreadableRecord(f"not an audit event: {first}") from None
