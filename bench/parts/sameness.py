"""Is it the same work: what a contender wrote for the first tweets, beside what the function makes of them here."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Final

from bench.stage.functions import CameIn, scorer_named
from bench.stage.tweets import tweets
from contracts.errors import BuzzwatchError
from contracts.settings import Settings
from models.registry.champion import Champion
from stream.kafka.records import Headers, RecordBatch

SAMPLE: Final = 100
"""How many of the first tweets are compared."""
_NOW_MS: Final = 1_795_000_000_000
_OF_THE_CLOCK: Final = frozenset({"scored_at", "ce_time"})

Content = tuple[object, dict[str, bytes]]
"""A record's JSON and headers without what the clock has put there."""


def expected(settings: Settings, function: str) -> dict[bytes | None, Content]:
    """Content by key of the first tweets, scored in this process by the champion of the settings."""
    champion = Champion(settings)
    champion.load()
    came = [CameIn(key, value, _NOW_MS) for key, value in tweets(SAMPLE)]
    scored = scorer_named(function, settings).score(RecordBatch(came, 0, None), champion.current, _NOW_MS)
    return {record.key: content(record.value, record.headers) for record in scored.predictions}


def content(value: bytes | None, headers: Headers | None) -> Content:
    """What is compared of a record."""
    read = json.loads(value or b"null")
    if isinstance(read, dict):
        read = {name: part for name, part in read.items() if name not in _OF_THE_CLOCK}
    plain = {
        name: part.encode() if isinstance(part, str) else part or b""
        for name, part in headers or []
        if name not in _OF_THE_CLOCK
    }
    return read, plain


def require_same(required: Mapping[bytes | None, Content], found: Mapping[bytes | None, Content]) -> None:
    """Compare what was found of the sample.

    Raises:
        BuzzwatchError: a record differs, with both contents; or none of the sample is there.
    """
    if not found:
        raise BuzzwatchError(f"none of the first {len(required)} tweets is in its output")
    for key, seen in found.items():
        if not _alike(seen, required[key]):
            raise BuzzwatchError(f"it does other work: tweet {key!r} became {seen}, not {required[key]}"[:900])


def _alike(one: object, other: object) -> bool:
    """Equal, numbers to 1e-6: in batches of another size sums are made in another order."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, abs_tol=1e-6)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_alike, one, other))
    return one == other
