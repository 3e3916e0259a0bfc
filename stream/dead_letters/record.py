"""Dead letters: the unchanged bytes of records that could not become events, with headers that give the reason."""

from __future__ import annotations

from typing import Final

from contracts.errors import InvalidRecord
from contracts.topics import MAX_RECORD_BYTES
from stream.kafka.records import Headers, OutRecord, Record, headers_of

OURS: Final = ("error", "error-class", "source-topic", "source-partition", "source-offset", "attempts")
_MAX_ERROR: Final = 500
"""Longest `error` header, code points: headers must fit into the room that dead letters have."""
_MAX_DIGITS: Final = 9
CUT: Final = "cut"
"""Header of a dead letter that is not whole: how many bytes were there."""
_MOST_BESIDE: Final = 64 * 1024
"""Bytes that the key, and the headers together, keep where a record is cut."""
_OF_A_HEADER: Final = 10
"""Bytes that a header takes beside its name and value, at most."""


def dead_letter(message: Record, error: InvalidRecord) -> OutRecord:
    """The dead letter of a record: key, value and headers unchanged, followed by ours.

    A producer's own header named like one of ours stays; a name that is not UTF-8 becomes U+FFFD. The headers that
    we added to an earlier dead letter of the same record are replaced. A batch of compressed records may hold some that
    no topic takes as they are; those are cut, and a header `cut` says how long they were.
    """
    headers, attempts = taken_apart(headers_of(message))
    key, value, own = _fitting(message.key(), message.value(), headers)
    headers = [
        *own,
        ("error", " ".join(str(error).split())[:_MAX_ERROR].encode("utf-8", "replace")),
        ("error-class", type(error).__name__.encode()),
        ("source-topic", message.topic().encode()),
        ("source-partition", str(message.partition()).encode()),
        ("source-offset", str(message.offset()).encode()),
        ("attempts", str(attempts + 1).encode()),
    ]
    return OutRecord(key, value, headers, 0)


def _fitting(key: bytes | None, value: bytes | None, headers: Headers) -> tuple[bytes | None, bytes | None, Headers]:
    """Key, value and headers that a topic takes: unchanged wherever they may be."""
    sizes = [len(name.encode()) + len(content or b"") + _OF_A_HEADER for name, content in headers]
    has = {"key": len(key or b""), "value": len(value or b""), "headers": sum(sizes)}
    if sum(has.values()) <= MAX_RECORD_BYTES:
        return key, value, headers
    kept: Headers = []
    room = _MOST_BESIDE
    for header, size in zip(headers, sizes, strict=True):
        room -= size
        if room < 0:
            break
        kept.append(header)
    key = key and key[:_MOST_BESIDE]
    value = value and value[: MAX_RECORD_BYTES - 2 * _MOST_BESIDE]
    said = ", ".join(f"{part} {size} bytes" for part, size in has.items() if size)
    return key, value, [*kept, (CUT, said.encode())]


def is_cut(headers: Headers) -> bool:
    """Whether a dead letter does not hold all of its record."""
    own, _ = taken_apart(headers)
    return bool(own) and own[-1][0] == CUT


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
