"""A record of `labels`: a judgement, a retraction or an erasure.

The topic is the record of all that people said about texts; nothing in it is changed. What holds is worked out from the
beginning of the topic each time (`learning.labels.resolution`).
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from contracts.errors import UnreadableRecord
from contracts.events import MAX_ID, MAX_TEXT, Scores, Sentiment
from contracts.times import OLDEST_MS, clock_ms, to_ms

Source = Literal["feedback", "review", "random", "import"]
SOURCES: Final[tuple[Source, ...]] = ("feedback", "review", "random", "import")

# Fixed for ever: label ids made of feedback ids are UUIDv5 under this namespace.
_NAMESPACE: Final = uuid.UUID("0b1f5a0c-55e7-5c1a-8f5d-6c6162656c73")
_AHEAD_MS: Final = 86_400_000
"""How far the clock of who wrote a label may be ahead."""
_HASHED: Final = re.compile(r"[0-9a-f]{16}").fullmatch

UNSIGNED: Final = "0" * 16
"""Stands for nobody: what a retraction names to take back what nobody signed."""

_Identifier = Annotated[str, Meta(min_length=1, max_length=MAX_ID)]
_Moment = Annotated[datetime, Meta(tz=True)]


class InvalidLabel(UnreadableRecord):
    """A label event that says too little, or contradicts itself. It never becomes a dead letter."""


class LabelEvent(Struct, frozen=True, kw_only=True):
    """Who said what about which text, or takes it back, or has it erased."""

    label_id: uuid.UUID
    """Two events with one id are one: the first counts."""
    kind: Literal["judgement", "retraction", "erasure"]
    created_at: _Moment
    """When it was received."""
    tweet_id: _Identifier | None = None
    prediction_id: uuid.UUID | None = None
    label: Sentiment | None = None
    """What the judge says; null where it is only said what it is not."""
    rejected: Sentiment | None = None
    """The label that was called wrong without naming the right one."""
    text: Annotated[str, Meta(max_length=MAX_TEXT)] | None = None
    """Masked; null where it was not found."""
    scores: Scores | None = None
    """Of the model at the time."""
    model_version: _Identifier | None = None
    judge: Annotated[str, Meta(pattern="^[0-9a-f]{16}$")] | None = None
    """A keyed hash of who judged; null: nobody was named."""
    source: Source | None = None
    """`random`: drawn by chance from the stream, not by what the model said."""
    blind: bool = False
    """The judge did not see the prediction."""
    drawn: Annotated[float, Meta(gt=0, le=1)] | None = None
    """Of a text that was drawn by chance: with which probability."""
    watches: list[str] = []
    """Watches that the tweet is about, where they are known: the text is masked and does not name them any more."""
    retracts: uuid.UUID | None = None
    """A retraction of the judgement with this `label_id`; otherwise of all that `judge` said before, sixteen zeros for
    what nobody signed."""
    since: _Moment | None = None
    """A retraction: only of what was said since then."""
    reason: Annotated[str, Meta(max_length=500)] | None = None
    """Of a retraction or an erasure."""

    @property
    def key(self) -> str:
        """The record's key."""
        return self.tweet_id or str(self.prediction_id or self.judge or self.label_id)


_decoder = msgspec.json.Decoder(LabelEvent)


def decode_label(value: bytes | None) -> LabelEvent:
    """Read the value of a record of `labels`.

    Raises:
        UnreadableRecord: no JSON object. InvalidLabel: a field is missing or cannot be; the message names it.
    """
    if value is None:
        raise UnreadableRecord("the record has no value (null)")
    try:
        return checked_label(_decoder.decode(value))
    except msgspec.ValidationError as error:
        raise InvalidLabel(f"not a label event: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableRecord(f"not JSON: {error}") from None


def with_a_time(event: LabelEvent) -> LabelEvent:
    """The event as it is. Newer labels weigh more in training: one of the year 9999 would be all that counts.

    Raises:
        InvalidLabel: no label can have been received then.
    """
    if not OLDEST_MS <= to_ms(event.created_at) <= clock_ms() + _AHEAD_MS:
        raise InvalidLabel(f"created_at is {event.created_at.isoformat()}, before 2006 or after tomorrow")
    return event


def checked_label(event: LabelEvent) -> LabelEvent:
    """The event as it is.

    Raises:
        InvalidLabel: it does not say enough for its kind.
    """
    named = event.tweet_id is not None or event.prediction_id is not None
    if event.kind == "judgement":
        if (event.label is None) == (event.rejected is None):
            raise InvalidLabel("a judgement has either a label or the label that it rejects")
        if event.source is None:
            raise InvalidLabel(f"a judgement names its source: {', '.join(SOURCES)}")
    if event.kind != "retraction" and not named:
        raise InvalidLabel(f"a {event.kind} names a tweet_id or a prediction_id")
    if event.kind == "retraction" and event.retracts is None and event.judge is None:
        raise InvalidLabel("a retraction names the label_id that it retracts, or a judge")
    return event


def judge_hash(name: str, secret: str) -> str:
    """16 hexadecimal digits: the same for one name under one secret.

    Args:
        secret: `PrivacySettings.secret`.
    """
    key = hashlib.blake2b(secret.encode(), digest_size=32).digest()
    content = name.encode(errors="surrogatepass")
    return hashlib.blake2b(content, digest_size=8, key=key, person=b"buzzwatch judge").hexdigest()


def is_judge_hash(text: str) -> bool:
    """Whether it looks like one."""
    return _HASHED(text) is not None


def label_id_of(what: str) -> uuid.UUID:
    """The id of the label that is made of something with an id of its own, the same however often it is made."""
    return uuid.uuid5(_NAMESPACE, what)
