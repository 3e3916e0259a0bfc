"""The dead letters as a list for people."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from contracts.settings import Settings
from contracts.times import to_rfc3339
from stream.following import follow
from stream.records import Record


@dataclass(frozen=True)
class DeadLetter:
    """One dead letter, as its headers describe it. `position` is `partition:offset` in `dead-letters`."""

    position: str
    at: str
    error_class: str
    error: str
    source: str
    attempts: int
    bytes: int
    key: str | None
    value: str | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def dead_letters(settings: Settings) -> Iterator[DeadLetter]:
    """All dead letters that are there now, oldest first per partition."""
    for message in follow(settings, settings.kafka.topics.dead_letters, from_beginning=True, until_end=True):
        yield _described(message)


def _described(message: Record) -> DeadLetter:
    headers = {name: _text(value) for name, value in message.headers() or []}

    def said(name: str) -> str:
        return headers.get(name) or "?"

    value, attempts = message.value(), said("attempts")
    return DeadLetter(
        position=f"{message.partition()}:{message.offset()}",
        at=to_rfc3339(message.timestamp()[1]),
        error_class=said("error-class"),
        error=said("error"),
        source=f"{said('source-topic')}[{said('source-partition')}]@{said('source-offset')}",
        attempts=int(attempts) if attempts.isdigit() else 0,
        bytes=len(value or b""),
        key=_text(message.key()),
        value=_text(value),
    )


def _text(value: bytes | str | None) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
