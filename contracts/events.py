"""The events on the topics: a tweet, a prediction, a judgement (feedback).

Tweets and predictions are msgspec structs because millions of them are read and written; feedback is a
pydantic model because people send it and deserve its messages. Unknown fields are ignored everywhere;
optional fields may be added, none renamed.
"""

from __future__ import annotations

import codecs
import json
import re
import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
import pydantic
from msgspec import UNSET, Meta, Struct, UnsetType

from contracts.errors import InvalidFeedback, InvalidTweet, UnreadableRecord
from contracts.texts import MAX_ID as MAX_ID
from contracts.texts import MAX_LANG
from contracts.texts import MAX_TEXT as MAX_TEXT
from contracts.times import to_ms
from contracts.tweet_objects.dates import date_or_none
from contracts.tweet_objects.depths import without_depths
from contracts.tweet_objects.fields import Fields, is_unicode, read_fields
from contracts.tweet_objects.shapes import NAMES, NEEDED, find

Sentiment = Literal["negative", "neutral", "positive"]
SENTIMENTS: Final[tuple[Sentiment, ...]] = ("negative", "neutral", "positive")

MAX_REACH: Final = 10_000_000_000
"""Most followers that an author counts for: what is more is a mistake of the source."""

# Fixed for ever: prediction ids are UUIDv5 under this namespace.
PREDICTION_NAMESPACE: Final = uuid.UUID("6c1f3f0e-8d0a-5d0c-9a57-6275707a7a77")

_Identifier = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]


class Tweet(Struct, frozen=True):
    """A record of `tweets`. Field names follow the X API v2 tweet object."""

    id: _Identifier | int
    text: Annotated[str, Meta(min_length=1)]
    created_at: datetime | None = None
    author_id: _Identifier | int | None = None
    lang: Annotated[str, Meta(max_length=MAX_LANG)] | None = None
    reach: Annotated[int, Meta(ge=0, lt=10**18)] | None = None
    """Followers of the author, where the source has them."""

    @property
    def created_at_ms(self) -> int | None:
        """Milliseconds since 1970 in UTC, None when the tweet has no date."""
        return None if self.created_at is None else to_ms(self.created_at)


class ModelRef(Struct, frozen=True):
    """Which registered model answered."""

    name: str
    version: str


class Scores(Struct, frozen=True):
    """One probability per label; they sum to 1."""

    negative: float
    neutral: float
    positive: float


class Prediction(Struct, frozen=True, omit_defaults=False):
    """A record of `tweets.scored`: the JSON body of a CloudEvent in Kafka binary mode."""

    tweet_id: str
    prediction_id: str
    sentiment: Sentiment
    confidence: float
    scores: Scores
    watches: list[str]
    themes: list[str]
    model: ModelRef
    text: str | None
    lang: str | None
    created_at: str
    scored_at: str
    reliable: bool = True
    """False: in a language that the model does not know."""
    tier: Literal["linear", "deep"] | UnsetType = UNSET
    """Which part of a cascade answered; absent when the model is none."""
    canary: bool | UnsetType = UNSET
    """True: the model is a challenger on trial, which answers a share of the tweets."""
    traced: bool | UnsetType = UNSET
    """True: the record has a header `traceparent`; absent where the tweet is not traced."""
    author: Annotated[str, Meta(max_length=MAX_ID)] | UnsetType | None = UNSET
    """A keyed hash of the tweet's author, 16 hexadecimal digits: the same for all tweets of one; absent where the tweet
    names none."""
    theme_sentiments: dict[str, Sentiment] | UnsetType | None = UNSET
    """What is felt about each of the themes; absent where there are none, and in events from before there was the
    field: then every theme has the sentiment of the tweet."""
    reach: Annotated[int, Meta(ge=0)] | UnsetType | None = UNSET
    """Followers of the author, where the tweet carries them; ours have at most MAX_REACH."""


_field_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value_decoder = msgspec.json.Decoder()
_HALF_PAIR: Final = re.compile(rb"\\u[dD][89a-fA-F]")
"""An escape that may be half of a surrogate pair."""
_prediction_decoder = msgspec.json.Decoder(Prediction)
_WITHOUT: Final = frozenset(
    {"author_id", "user", "author", "account", "lang", "langs", "language", "reach", "includes", *NAMES}
)
"""Fields whose value may be beyond reading: the tweet does without."""


def decode_tweet(value: bytes | None) -> Tweet:
    """Read the value of a record of `tweets`: a flat tweet, or an object of the X API, Bluesky or Mastodon.

    The text is returned in NFC.

    Raises:
        UnreadableRecord: no JSON object (null, not UTF-8, not JSON, another shape), a lone surrogate in id or text.
        InvalidTweet: a field that is needed is missing, of another type, empty or too long; the message names it.
    """
    fields = decode_fields(value)
    return Tweet(fields.id, fields.text, fields.created_at, fields.author_id, fields.lang, fields.reach)


def decode_fields(value: bytes | None) -> Fields:
    """The same, with the names of the fields that were dropped as they were of no use.

    Raises:
        UnreadableRecord, InvalidTweet: as `decode_tweet`.
    """
    if value is None:
        raise UnreadableRecord("the record has no value (null)")
    value = value.removeprefix(codecs.BOM_UTF8)
    try:
        try:
            return read_fields(_needed(value))
        except RecursionError:
            shallow = without_depths(value)
            if shallow is None:
                raise
            return read_fields(_needed(shallow))
    except msgspec.ValidationError as error:
        if not value.lstrip()[:1] == b"{":
            raise UnreadableRecord(f"not a JSON object: {error}") from None
        raise InvalidTweet(f"not a tweet: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not value.strip():
            raise UnreadableRecord("the record's value is empty") from None
        half = " (there is a \\ud… escape: half of a surrogate pair?)" if b"\\ud" in value.lower() else ""
        raise UnreadableRecord(f"not JSON: {error}{half}") from None
    except InvalidTweet:
        raise
    except Exception as error:  # a fault of ours; whoever sends such a value must not end the worker by it
        raise InvalidTweet(f"not a tweet that can be read: {type(error).__name__}: {error}") from error


def _needed(value: bytes) -> dict[str, object]:
    """The fields of a tweet in JSON; what is not needed is passed over unread: it can be of any size and kind.

    Programs that cut a profile or a title off in the middle of an emoji write half a surrogate pair, which msgspec
    takes for no JSON. Python's reader keeps it, so that it matters only in a field that is needed.
    """
    try:
        raw = _field_decoder.decode(value)
        return {name: _read(name, raw[name]) for name in NEEDED.intersection(raw)}
    except msgspec.DecodeError:
        tweet = _with_half_pairs(value) if _HALF_PAIR.search(value) else None
        if tweet is None:
            raise
        return tweet


def _with_half_pairs(value: bytes) -> dict[str, object] | None:
    """None where one of them is in the id or in the text."""
    try:
        tweet = json.loads(value.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tweet, dict):
        return None
    found = find(tweet)
    if any(isinstance(value, str) and not is_unicode(value) for value in (found.identifier, found.text)):
        return None
    return {name: tweet[name] for name in NEEDED.intersection(tweet)}


def _no_number(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _read(name: str, raw: msgspec.Raw) -> object:
    try:
        return _value_decoder.decode(raw)
    except msgspec.ValidationError as error:  # a number beyond all limits
        if name in _WITHOUT:
            return ...
        raise InvalidTweet(f"not a tweet: {name}: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        if name in _WITHOUT:
            return ...
        raise


def decode_prediction(value: bytes | None) -> Prediction:
    """Read the value of a record of `tweets.scored`.

    Raises:
        UnreadableRecord: not a prediction of ours.
    """
    if value is None:
        raise UnreadableRecord("the record has no value (null)")
    try:
        return _prediction_decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRecord(f"not a prediction: {error}") from None


def prediction_id(model_name: str, model_version: str, tweet_id: str) -> str:
    """UUIDv5 (RFC 9562) of `name/version/tweet id`: the same on every retry."""
    return str(uuid.uuid5(PREDICTION_NAMESPACE, f"{model_name}/{model_version}/{tweet_id}"))


def _moment(value: object) -> object:
    """A date as tweets have them; what is none is left to pydantic, which says why."""
    try:
        return date_or_none(value)
    except (ValueError, OverflowError):
        return value


class Feedback(pydantic.BaseModel):
    """A record of `feedback`: someone judged a prediction."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True)

    feedback_id: uuid.UUID
    prediction_id: uuid.UUID
    predicted: Sentiment
    correct: pydantic.StrictBool
    model_version: Annotated[str, pydantic.Field(min_length=1, max_length=MAX_ID)]
    expected: Sentiment | None = None
    tweet_id: Annotated[str, pydantic.Field(max_length=MAX_ID)] | None = None
    watch: Annotated[str, pydantic.Field(max_length=MAX_ID)] | None = None
    text: Annotated[str, pydantic.Field(max_length=MAX_TEXT)] | None = None
    author: Annotated[str, pydantic.Field(max_length=MAX_ID)] | None = None
    created_at: Annotated[datetime | None, pydantic.BeforeValidator(_moment)] = None

    @pydantic.model_validator(mode="after")
    def _no_contradiction(self) -> Feedback:
        if self.correct and self.expected not in (None, self.predicted):
            raise ValueError(
                f"correct is true, yet expected ({self.expected}) differs from predicted ({self.predicted})"
            )
        if not self.correct and self.expected == self.predicted:
            raise ValueError(f"correct is false, yet expected and predicted are both {self.predicted}")
        return self


def decode_feedback(value: bytes | None) -> Feedback:
    """Read the value of a record of `feedback`.

    Raises:
        UnreadableRecord: no JSON object.
        InvalidFeedback: an unknown label, a malformed id, a contradiction; the message names the field.
    """
    if value is None:
        raise UnreadableRecord("the record has no value (null)")
    try:
        data = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise UnreadableRecord(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise UnreadableRecord(f"not a JSON object but {type(data).__name__}")
    try:
        return Feedback.model_validate(data)
    except pydantic.ValidationError as error:
        raise InvalidFeedback(f"not a judgement: {one_line(error)}") from None


def one_line(error: pydantic.ValidationError) -> str:
    """The first complaint of a validation error as `field: message`, with the number of further ones."""
    details = error.errors(include_url=False, include_context=False, include_input=False)
    where = ".".join(str(part) for part in details[0]["loc"])
    message = details[0]["msg"].removeprefix("Value error, ")
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{where}: {message}{more}" if where else f"{message}{more}"
