"""What requests and answers about silences look like: Alertmanager's names."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

import pydantic
from pydantic import BaseModel, BeforeValidator, Field

from alerts.state.silences import Silence
from contracts.rules.matchers import Matcher, matcher, parse_matcher


class MatcherBody(BaseModel):
    """A condition on one label."""

    name: str
    value: str
    isRegex: bool = False  # noqa: N815 - Alertmanager's name
    isEqual: bool = True  # noqa: N815


def _matcher(value: Any) -> Matcher:
    if isinstance(value, str):
        return parse_matcher(value)
    body = MatcherBody.model_validate(value)
    operators = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}
    return matcher(body.name, operators[body.isRegex, body.isEqual], body.value)  # type: ignore[arg-type]


Condition = Annotated[
    Matcher,
    BeforeValidator(_matcher, json_schema_input_type=MatcherBody | str),
    Field(description='Alertmanager\'s object, or text such as watch=~"air-.*"'),
]
Said = Annotated[str, Field(min_length=1, max_length=1000)]


class SilenceBody(BaseModel):
    """What is not to be heard of, from when to when, who says so and why."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "matchers": [{"name": "watch", "value": "delta", "isRegex": False, "isEqual": True}],
                    "startsAt": "2026-11-20T10:00:00Z",
                    "endsAt": "2999-11-20T12:00:00Z",
                    "createdBy": "maya",
                    "comment": "their strike, not ours",
                }
            ]
        }
    )

    id: Annotated[str, Field(max_length=64)] | None = None
    """Of a silence to be changed."""
    matchers: Annotated[list[Condition], Field(min_length=1, max_length=100)]
    startsAt: pydantic.AwareDatetime | None = None  # noqa: N815
    """Now when not given, or when it is past."""
    endsAt: pydantic.AwareDatetime  # noqa: N815
    createdBy: Said  # noqa: N815
    comment: Said


class SilenceStatus(BaseModel):
    """Where a silence is in its life."""

    state: str
    """`pending`, `active` or `expired`."""


class OneSilence(BaseModel):
    """A silence."""

    id: str
    silenceID: str  # noqa: N815
    """The same, as Alertmanager names it in its answer."""
    status: SilenceStatus
    matchers: list[MatcherBody]
    startsAt: datetime  # noqa: N815
    endsAt: datetime  # noqa: N815
    createdBy: str  # noqa: N815
    comment: str
    updatedAt: datetime  # noqa: N815

    @classmethod
    def of(cls, silence: Silence, now_ms: int) -> Self:
        """As it is now."""
        return cls.model_validate({**silence.public(now_ms), "silenceID": silence.id})


class SilenceList(BaseModel):
    """Silences."""

    silences: list[OneSilence]


class AcknowledgementBody(BaseModel):
    """Who is at it."""

    model_config = pydantic.ConfigDict(json_schema_extra={"examples": [{"by": "maya", "comment": "calling baggage"}]})

    by: Said
    comment: Annotated[str, Field(max_length=1000)] = ""
    until: pydantic.AwareDatetime | None = None
    """When the acknowledgement expires; with the alert when not given."""


class OneAlert(BaseModel):
    """An alert, with the names of the webhook."""

    alert: dict[str, Any]
