"""Topic names, partitions, retention and size limits."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import pydantic

MAX_RECORD_BYTES: Final = 1024 * 1024
"""Largest record batch of `tweets`, bytes (Kafka's own default, stated)."""
DEAD_LETTER_ROOM: Final = 64 * 1024
"""How much larger `dead-letters` and its producer accept, bytes: a tweet near the limit plus our headers."""

FOR_EVER: Final = -1
"""Kafka's `retention.ms` of what is kept without limit."""

_HOUR_MS: Final = 3_600_000


class Topic(NamedTuple):
    """What `buzzwatch topics create` creates and `doctor` checks."""

    name: str
    partitions: int
    retention_ms: int
    max_message_bytes: int

    @property
    def config(self) -> dict[str, str]:
        """Kafka's topic configuration."""
        return {
            "retention.ms": str(self.retention_ms),
            "max.message.bytes": str(self.max_message_bytes),
            "cleanup.policy": "delete",
        }


class TopicSettings(pydantic.BaseModel):
    """Names are settings; these are the defaults of the contract."""

    model_config = pydantic.ConfigDict(extra="forbid")

    tweets: str = "tweets"
    """Where tweets arrive; key: tweet id."""
    scored: str = "tweets.scored"
    """Where predictions are published; key: tweet id."""
    feedback: str = "feedback"
    """Where judgements arrive; key: prediction id."""
    dead_letters: str = "dead-letters"
    """Where what cannot be read goes, with the bytes as they came."""
    audit: str = "audit"
    """Who did what, to models, alerts and keys, when and why; kept without limit."""
    labels: str = "labels"
    """Where all that people said about texts is kept, for ever; key: tweet id, else prediction id."""
    partitions: int = pydantic.Field(default=4, ge=1, le=10_000)
    """Partitions of the topics that tweets pass through; the others have one, since order matters there."""
    replication_factor: int = pydantic.Field(default=1, ge=1)
    """Copies of each partition; 3 on a cluster that must survive the loss of a broker."""
    retention_hours: int = pydantic.Field(default=168, ge=1)
    """How long tweets, predictions and judgements are kept, hours."""
    dead_letter_retention_hours: int = pydantic.Field(default=720, ge=1)
    """How long dead letters are kept, hours."""

    @pydantic.model_validator(mode="after")
    def _different_names(self) -> TopicSettings:
        names = [self.tweets, self.scored, self.feedback, self.dead_letters, self.audit, self.labels]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two topics have the name {name!r}")
        return self

    @pydantic.field_validator("tweets", "scored", "feedback", "dead_letters", "audit", "labels")
    @classmethod
    def _topic_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9._-]{1,249}", name) or name in (".", ".."):
            raise ValueError("is no topic name: letters, digits, '.', '_' and '-', at most 249")
        return name

    def all(self) -> tuple[Topic, ...]:
        """The topics with their configuration."""
        keep = self.retention_hours * _HOUR_MS
        roomy = MAX_RECORD_BYTES + DEAD_LETTER_ROOM
        return (
            Topic(self.tweets, self.partitions, keep, MAX_RECORD_BYTES),
            Topic(self.scored, self.partitions, keep, roomy),
            Topic(self.feedback, 1, keep, MAX_RECORD_BYTES),
            Topic(self.dead_letters, self.partitions, self.dead_letter_retention_hours * _HOUR_MS, roomy),
            Topic(self.audit, 1, FOR_EVER, MAX_RECORD_BYTES),
            Topic(self.labels, 1, FOR_EVER, MAX_RECORD_BYTES),
        )
