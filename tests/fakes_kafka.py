"""A Kafka record in memory."""

from __future__ import annotations

from collections.abc import Sequence

from stream.kafka.records import Headers


class FakeRecord:
    """A record that no broker has seen."""

    def __init__(
        self,
        value: bytes | None = b"{}",
        *,
        key: bytes | None = b"1",
        topic: str = "tweets",
        partition: int = 0,
        offset: int = 0,
        timestamp_ms: int = 1_790_000_000_000,
        headers: Sequence[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        self._all = (
            topic,
            partition,
            offset,
            key,
            value,
            None if headers is None else list(headers),
            (1, timestamp_ms),
        )

    def topic(self) -> str:
        return self._all[0]

    def partition(self) -> int:
        return self._all[1]

    def offset(self) -> int:
        return self._all[2]

    def key(self) -> bytes | None:
        return self._all[3]

    def value(self) -> bytes | None:
        return self._all[4]

    def headers(self) -> Headers | None:
        return self._all[5]

    def timestamp(self) -> tuple[int, int]:
        return self._all[6]
