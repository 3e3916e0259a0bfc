"""What the routes of predictions take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
import pydantic
from pydantic import AfterValidator, BaseModel, Field, WithJsonSchema

from contracts.errors import InvalidTweet
from contracts.events import MAX_ID, MAX_TEXT, ModelRef, Sentiment
from contracts.events import Scores as EventScores
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


_TEXT_SCHEMA: Final = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_TEXT,
    "pattern": r"\S",
    "description": "1 to 10,000 code points after NFC, not white space alone",
}
Text = Annotated[str, AfterValidator(_text), WithJsonSchema(_TEXT_SCHEMA)]
Identifier = Annotated[
    pydantic.StrictInt | pydantic.StrictStr,
    AfterValidator(_identifier),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "minLength": 1, "maxLength": MAX_ID}]}),
]


class TextBody(BaseModel):
    """A text."""

    model_config = pydantic.ConfigDict(json_schema_extra={"examples": [{"text": "@AirParadis lost my bag again"}]})

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

    model_config = pydantic.ConfigDict(
        json_schema_extra={"examples": [{"texts": ["@AirParadis lost my bag", "lovely crew"], "on_error": "skip"}]}
    )

    texts: Annotated[list[Annotated[Any, WithJsonSchema(_TEXT_SCHEMA)]], Field(max_length=MOST_TEXTS)]
    """Checked one by one, so that all that are wrong can be named."""
    on_error: Literal["refuse", "skip"] = "refuse"
    """What happens when some texts cannot be scored: `refuse` the request, naming all of them, or `skip` them: in their
    places the answer has `{"error": "why"}`."""

    def checked(self) -> tuple[list[str], dict[int, str]]:
        """The texts that can be scored, and for the others their place → what is wrong."""
        texts: list[str] = []
        wrong: dict[int, str] = {}
        for place, text in enumerate(self.texts):
            try:
                texts.append(checked_text(text) if type(text) is str else _one_text.validate_python(text))
            except InvalidTweet as error:
                wrong[place] = str(error).removeprefix("text ")
            except pydantic.ValidationError as error:
                wrong[place] = error.errors()[0]["msg"].removeprefix("Value error, ")
        return texts, wrong


_one_text: Final = pydantic.TypeAdapter(Annotated[pydantic.StrictStr, AfterValidator(_text)])


class NotScored(BaseModel):
    """In the place of a text that could not be scored."""

    error: str
    """Why."""


class Answer(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What `Predicted` documents, in the form that is made and written fastest."""

    prediction_id: str
    sentiment: Sentiment
    confidence: float
    scores: EventScores
    watches: list[str]
    themes: list[str]
    model: ModelRef
    reliable: bool
    tier: Literal["linear", "deep"] | None = None
    theme_sentiments: dict[str, Sentiment] | None = None


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
    """The prediction for a text."""

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
    theme_sentiments: dict[str, Sentiment] | None = None
    """What is felt about each of the themes; absent where there are none."""


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
    themes: dict[str, list[Weight]] | None = None
    """Of the themes found that have learnt weights (`learnt: true`): what each word weighed, above zero towards the
    theme; absent without any."""
    model: Model


class ServingModel(Model):
    """The model that serves."""

    aliases: list[str]
    metrics: dict[str, float]
    trained_on: str
    failure: str | None
    """Why the version that has the alias does not serve, null when it does."""
