"""What the routes of the review queue take and answer."""

from __future__ import annotations

from typing import Annotated, Any

import pydantic
from pydantic import BaseModel, Field, JsonValue

from contracts.events import Sentiment


def _only(name: str, given: JsonValue) -> JsonValue:
    """The schema of a body with this field and neither of the other two."""
    none: dict[str, JsonValue] = {"label": {"type": "null"}, "skip": {"const": False}, "undo": {"const": False}}
    return {"required": [name], "properties": none | {name: given}}


_ONE_OF_THREE: list[JsonValue] = [
    _only("label", {"type": "string"}),
    _only("skip", {"const": True}),
    _only("undo", {"const": True}),
]


class ReviewBody(BaseModel):
    """A judgement; one of `label`, `skip` and `undo`."""

    model_config = pydantic.ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"label": "negative"}], "oneOf": _ONE_OF_THREE}
    )

    label: Sentiment | None = None
    skip: pydantic.StrictBool = False
    undo: pydantic.StrictBool = False
    judge: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    """Who judges, where no key says it."""

    @pydantic.model_validator(mode="after")
    def _one_of_three(self) -> ReviewBody:
        if (self.label is not None) + self.skip + self.undo != 1:
            raise ValueError("send one of label (negative, neutral or positive), skip: true and undo: true")
        return self


class Accuracy(BaseModel):
    """Share of right answers among all tweets, with its 95 % interval."""

    value: float
    low: float
    high: float
    n: int
    """Judged texts that were drawn by chance."""


class Feedback(BaseModel):
    """What people chose to say; no measure of accuracy."""

    right: int
    wrong: int


class ReviewList(BaseModel):
    """Texts to judge."""

    items: list[dict[str, Any]]
    waiting: int
    """In the whole queue."""
    accuracy: Accuracy | None
    """In production; null until a text that was drawn by chance has been judged."""
    feedback: Feedback
    judge: str
    """The hash under which the judgements are kept."""


class Reviewed(BaseModel):
    """What was done."""

    id: str
    label: Sentiment | None
    predicted: Sentiment
    """What the model had said."""
    model_version: str
