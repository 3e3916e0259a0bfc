"""Dead letters: the unchanged bytes of records that could not become events, with headers that give the reason."""

from __future__ import annotations

from typing import Final

from contracts.errors import InvalidRecord
from stream.kafka.records import Headers, OutRecord, Record, headers_of

OURS: Final = ("error", "error-class", "source-topic", "source-partition", "source-offset", "attempts")
_MAX_ERROR: Final = 500
"""Longest `error` header, code points: headers must fit into the room that dead letters have."""
_MAX_DIGITS: Final = 9


def dead_letter(message: Record, error: InvalidRecord) -> OutRecord:
    """The dead letter of a record: key, value and headers unchanged, followed by ours.

    A producer's own header named like one of ours stays; a name that is not UTF-8 becomes U+FFFD. The headers that
    we added to an earlier dead letter of the same record are replaced.
    """
    own, attempts = taken_apart(headers_of(message))
    headers: Headers = [
        *own,
        ("error", " ".join(str(error).split())[:_MAX_ERROR].encode("utf-8", "replace")),
        ("error-class", type(error).__name__.encode()),
        ("source-topic", message.topic().encode()),
        ("source-partition", str(message.partition()).encode()),
        ("source-offset", str(message.offset()).encode()),
        ("attempts", str(attempts + 1).encode()),
    ]
    return OutRecord(message.key(), message.value(), headers, 0)


def error_class(letter: OutRecord) -> str:
    """The `error-class` header of a dead letter of ours."""
    value = dict(letter.headers)["error-class"]  # the last one: a producer may have sent its own
    return value.decode() if isinstance(value, bytes) else str(value)


def source_of(letter: OutRecord) -> tuple[str, int, int]:
    """Topic, partition and offset of the record that a dead letter of ours was made of."""
    values = {name: value for name, value in letter.headers if name.startswith("source-")}
    topic, partition, offset = (
        value.decode() if isinstance(value, bytes) else str(value)
        for value in (values[name] for name in ("source-topic", "source-partition", "source-offset"))
    )
    return topic, int(partition), int(offset)


def taken_apart(headers: Headers) -> tuple[Headers, int]:
    """The record's own headers, and how often it failed.

    Our headers are the last ones: all six in a dead letter, `attempts` alone in a replayed record, or in a record whose
    producer counts in the same way.
    """
    attempts = headers[-1][1] if headers and headers[-1][0] == "attempts" else None
    if not isinstance(attempts, bytes) or not attempts.isdigit() or len(attempts) > _MAX_DIGITS:
        return headers, 0
    in_full = tuple(name for name, _ in headers[-len(OURS) :]) == OURS
    return headers[: -len(OURS) if in_full else -1], int(attempts)
