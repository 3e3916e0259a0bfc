"""Records that could not become events: the bytes as they came, with headers that say why."""

from __future__ import annotations

from typing import Final

from contracts.errors import InvalidRecord
from stream.headers import headers_of
from stream.records import Headers, OutRecord, Record

OURS: Final = frozenset({"error", "error-class", "source-topic", "source-partition", "source-offset", "attempts"})
_MAX_ERROR: Final = 500
"""Longest `error` header, code points: headers must fit into the room that dead letters have."""


def dead_letter(message: Record, error: InvalidRecord) -> OutRecord:
    """The dead letter of a record: key, value and headers as they came, and ours behind them.

    Headers that bear one of our names make room for ours; a name that is not UTF-8 becomes U+FFFD.
    """
    came = headers_of(message)
    headers: Headers = [(name, value) for name, value in came if name not in OURS]
    headers += [
        ("error", " ".join(str(error).split())[:_MAX_ERROR].encode("utf-8", "replace")),
        ("error-class", type(error).__name__.encode()),
        ("source-topic", message.topic().encode()),
        ("source-partition", str(message.partition()).encode()),
        ("source-offset", str(message.offset()).encode()),
        ("attempts", str(_attempts(came) + 1).encode()),
    ]
    return OutRecord(message.key(), message.value(), headers, 0)


def error_class(letter: OutRecord) -> str:
    """The `error-class` header of a dead letter of ours."""
    return next(value.decode() for name, value in letter.headers if name == "error-class" and isinstance(value, bytes))


def _attempts(headers: Headers) -> int:
    for name, value in headers:
        if name == "attempts" and value is not None and value.isdigit() and len(value) < 10:
            return int(value)
    return 0
