"""Records of Kafka, and the batches of them that are passed from the consumer to the scorer to the publisher."""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import methodcaller
from typing import Any, Final, NamedTuple, Protocol

Headers = list[tuple[str, str | bytes | None]]


class Record(Protocol):
    """A record read from Kafka: the part of confluent-kafka's `Message` that is used here."""

    def topic(self) -> str:
        """Topic name."""
        ...

    def partition(self) -> int:
        """Partition number."""
        ...

    def offset(self) -> int:
        """Offset in the partition."""
        ...

    def key(self) -> bytes | None:
        """Key, unchanged."""
        ...

    def value(self) -> bytes | None:
        """Value, unchanged; None for a tombstone."""
        ...

    def headers(self) -> Headers | None:
        """Headers in their order."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds since 1970."""
        ...


class OutRecord(NamedTuple):
    """A record to publish. `timestamp_ms` 0 leaves it to the producer's clock."""

    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Records polled in one go, with what is needed to commit them.

    The group metadata is that of the poll: captured at the commit instead, a worker could commit a partition
    that it has lost in between.
    """

    messages: Sequence[Record]
    epoch: int
    group_metadata: Any
    topic_id: str = ""
    topic: str = ""
    skipped: Mapping[int, int] = field(default_factory=dict)
    """By partition of `topic`, the offset behind a batch that cannot be decoded and follows these records."""

    def next_offsets(self, reached: Mapping[int, int]) -> dict[int, int]:
        """One past the last record of each partition of the batch: the offsets to commit.

        Args:
            reached: the same of what was committed since reading began anew.

        Raises:
            HandedOutTwice: a record was committed already, or is in the batch twice. What would cost a tweet its
                "exactly once" is noticed here, whatever the client did.
        """
        after: dict[int, int] = {}
        for message in self.messages:
            partition, offset = message.partition(), message.offset()
            expected = after.get(partition)
            if offset < (reached.get(partition, 0) if expected is None else expected):
                raise HandedOutTwice(f"{self.topic}[{partition}]@{offset}")
            after[partition] = offset + 1
        return {**after, **self.skipped}


class HandedOutTwice(Exception):
    """The client went back to records that it had handed out; says to which place."""


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """A scored batch: each of its records is in exactly one of the two lists."""

    source: RecordBatch
    predictions: Sequence[OutRecord]
    dead_letters: list[OutRecord]
    instead: Mapping[int, OutRecord] = field(default_factory=dict)
    """By row among the predictions: what is published in their place, the same with the header of a trace."""


UNREADABLE: Final = "\ufffd"
"""Replaces a name that is not UTF-8."""

# Not `message.headers()`: CPython's method-call shortcut does not check whether the C code has left an error set.
get_headers: Final = methodcaller("headers")
"""Headers as the client returns them; raises SystemError or UnicodeDecodeError where a name is not UTF-8."""


def headers_of(message: Record) -> Headers:
    """Headers in their order; a name that is not UTF-8 is `UNREADABLE`, its value is kept.

    For such a name confluent-kafka 2.16 returns a pair without a first item (`c_headers_to_py` in confluent_kafka.c)
    and leaves an error behind: reading that item crashes the process.
    """
    try:
        headers = get_headers(message)
    except (SystemError, UnicodeDecodeError):
        headers = get_headers(message)  # the error is cleared once raised, and the headers are cached
    return [pair if _has_name(pair) else (UNREADABLE, pair[1]) for pair in headers or []]


def _has_name(pair: Any) -> bool:
    # Only a tuple made in C can lack an item; `gc.get_referents` leaves it out.
    return len(gc.get_referents(pair)) == len(pair)
