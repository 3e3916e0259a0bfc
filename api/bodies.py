"""What the routes of feedback, alerts and health take and answer, and what every error looks like."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, BeforeValidator, Field

from contracts.events import Feedback


class FeedbackBody(Feedback):
    """A judgement; `feedback_id` is filled in when it is missing."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "prediction_id": "4a7f0a54-2a8e-5f0e-8a43-0d9f5b8b6c11",
                    "predicted": "negative",
                    "correct": False,
                    "expected": "positive",
                    "model_version": "7",
                }
            ]
        }
    )

    feedback_id: Annotated[uuid.UUID, BeforeValidator(lambda value: value or uuid.uuid4())] = Field(
        default_factory=uuid.uuid4
    )


class Accepted(BaseModel):
    """The judgement is on the topic, acknowledged by all replicas."""

    feedback_id: uuid.UUID
    prediction_id: uuid.UUID


class AlertList(BaseModel):
    """Alerts, with the names of the webhook."""

    alerts: list[dict[str, Any]]


class StatsPoint(BaseModel):
    """Tweets of one step, watch and theme."""

    start: str
    watch: str
    """"" is the whole stream."""
    theme: str
    """"" is all themes."""
    negative: int
    neutral: int
    positive: int
    total: int
    share: float
    """Negative tweets among all."""
    texts: int
    """Distinct texts among them: repeated ones count once; counted for watches, not for the whole stream."""
    voices: int
    """Distinct authors among them, and distinct texts whose author is unknown; of watches likewise."""
    unreliable: int
    """Those in languages that the model does not know."""


class Judged(BaseModel):
    """People's judgements on the predictions of one model version."""

    model_version: str
    right: int
    wrong: int
    accuracy: float
    """Right ones among all."""


class StatsList(BaseModel):
    """Counts per step; steps without tweets are left out."""

    since: str
    until: str
    step_s: int
    points: list[StatsPoint]
    judgements: list[Judged]
    """Of the same time, per model version, the most judged first; of every watch and theme."""


class Problem(BaseModel):
    """Every error: RFC 9457."""

    type: str = "about:blank"
    title: str = ""
    """The name of the status."""
    status: int = 0
    """The same as that of the answer."""
    detail: str
    """One line: what is wrong, and what to do."""
    request_id: str | None = None
    """Also in the header `x-request-id`, and in the log."""


class Alive(BaseModel):
    """It answers."""

    status: Literal["ok"]


class Ready(Alive):
    """Predictions can be made."""

    model: str
    """The version that serves."""


class ComponentHealth(BaseModel):
    """How something that we depend on is."""

    status: Literal["ok", "degraded", "down"]
    version: str | None
    detail: str | None
    """What is wrong."""


class Health(BaseModel):
    """How all of it is."""

    status: Literal["ok", "degraded", "down", "critical", "unknown"]
    """`ok`, `degraded` (predictions can be made, something else is wrong) or `down`. With `alerts=critical` also
    `critical` (a critical alert fires) and `unknown` (whether one does cannot be found out)."""
    components: dict[str, ComponentHealth]
    critical_alerts: list[str] | None = None
    """Asked for with `alerts=critical`; null when it cannot be found out."""
