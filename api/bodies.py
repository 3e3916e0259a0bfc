"""What requests and answers look like."""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Literal

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field

from contracts.errors import InvalidTweet
from contracts.events import MAX_ID, Feedback, Sentiment
from contracts.texts import checked_text

MOST_TEXTS = 1000


def _text(text: str) -> str:
    try:
        return checked_text(text)
    except InvalidTweet as error:
        raise ValueError(str(error).removeprefix("text ")) from None


def _identifier(value: int | str) -> str:
    text = str(value)
    if not 1 <= len(text) <= MAX_ID:
        raise ValueError(f"must have 1 to {MAX_ID} characters, has {len(text)}")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("has a lone surrogate")
    return text


Text = Annotated[str, AfterValidator(_text), Field(description="1 to 10,000 code points after NFC")]
Identifier = Annotated[pydantic.StrictInt | pydantic.StrictStr, AfterValidator(_identifier)]


class TextBody(BaseModel):
    """A text."""

    text: Text


class PredictBody(TextBody):
    """A text to be scored."""

    model_config = pydantic.ConfigDict(
        json_schema_extra={"examples": [{"text": "@AirParadis lost my bag again", "id": "1465"}]}
    )

    id: Identifier | None = None
    """A tweet's id: it gives the prediction the id that the stream gives it. Without one the id is random."""


class BatchBody(BaseModel):
    """Texts to be scored."""

    texts: Annotated[list[Text], Field(max_length=MOST_TEXTS)]


class Model(BaseModel):
    """Which model answered."""

    name: str
    version: str


class Scores(BaseModel):
    """One probability per label."""

    negative: float
    neutral: float
    positive: float


class Predicted(BaseModel):
    """What is said about a text."""

    prediction_id: str
    sentiment: Sentiment
    confidence: float
    scores: Scores
    watches: list[str]
    themes: list[str]
    model: Model
    reliable: bool = True
    """False: the text is in a language that the model does not know."""
    tier: Literal["linear", "deep"] | None = None
    """Which part of a cascade answered; absent when the model is none."""


class Weight(BaseModel):
    """What a word added: above zero towards positive, below towards negative."""

    word: str
    weight: float


class Explained(BaseModel):
    """Why."""

    sentiment: Sentiment
    confidence: float
    words: list[Weight]
    """In the order of the text."""
    model: Model


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


class ServingModel(Model):
    """The model that serves."""

    aliases: list[str]
    metrics: dict[str, float]
    trained_on: str
    failure: str | None
    """Why the version that has the alias does not serve, null when it does."""


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
    unreliable: int
    """Those in languages that the model does not know."""


class Judged(BaseModel):
    """What people said about the predictions of one model version."""

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
    """Every error."""

    detail: str
    """One line."""
