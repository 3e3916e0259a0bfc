"""Records which dead letters were replayed, so that none becomes two tweets.

A letter is claimed before it is sent, and the claim is released when Kafka has answered. A process that is killed in
between leaves its claim: that letter may have arrived, so it is only sent again with `--again`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, Literal

import redis

from alerts.storage.connection import require_text
from alerts.storage.keys import ReplayKeys
from contracts.settings import Settings

Claim = Literal["ours", "replayed", "unsure"]
"""`ours`: send it; `replayed`: it was; `unsure`: another run has claimed it, and works on it or was cut off."""

# Kafka deletes whole segments, and keeps writing to one for up to a week (segment.ms), so letters outlive retention.
_SEGMENT_S: Final = 8 * 86_400


class ReplayLog:
    """The replayed positions of one `dead-letters` topic.

    Args:
        redis: from `alerts.storage.connection.connect`.
        settings: prefix and retention.
        log_id: Kafka's id of the topic; after it was created again, positions mean other letters.
    """

    def __init__(self, redis: redis.Redis, settings: Settings, log_id: str) -> None:
        self._redis: Any = require_text(redis)
        self._keys = ReplayKeys(settings.redis.prefix, log_id)
        self._keep_s = settings.kafka.topics.dead_letter_retention_hours * 3600 + _SEGMENT_S

    def look(self, positions: Sequence[str]) -> list[Claim]:
        """What `claim` would return, without claiming."""
        pipeline = self._redis.pipeline(transaction=False)
        for position in positions:
            pipeline.zscore(self._keys.claimed, position)
            pipeline.zscore(self._keys.replayed, position)
        found = pipeline.execute()
        return [_state(claimed is not None, done) for claimed, done in zip(found[::2], found[1::2], strict=True)]

    def claim(self, positions: Sequence[str], *, again: bool = False) -> list[Claim]:
        """Claim letters for this run; with `again` whatever happened to them before."""
        now = time.time()
        pipeline = self._redis.pipeline(transaction=False)
        for position in positions:
            # Claim first, then read `replayed`: a run that finishes writes `replayed` first and then deletes the claim.
            pipeline.zadd(self._keys.claimed, {position: now}, nx=not again)
            pipeline.zscore(self._keys.replayed, position)
        found = pipeline.execute()
        if again:
            return ["ours"] * len(positions)
        claims = [_state(not added, done) for added, done in zip(found[::2], found[1::2], strict=True)]
        self._free([position for position, claim in zip(positions, claims, strict=True) if claim == "replayed"])
        return claims

    def finish(self, *, replayed: Sequence[str], refused: Sequence[str]) -> None:
        """Release claims: Kafka has acknowledged `replayed`, and certainly does not have `refused`."""
        now = time.time()
        pipeline = self._redis.pipeline(transaction=True)
        if replayed:
            pipeline.zadd(self._keys.replayed, dict.fromkeys(replayed, now))
        if replayed or refused:
            pipeline.zrem(self._keys.claimed, *replayed, *refused)
        for key in (self._keys.replayed, self._keys.claimed):
            pipeline.zremrangebyscore(key, "-inf", now - self._keep_s)
            pipeline.expire(key, self._keep_s)
        pipeline.execute()

    def _free(self, positions: Sequence[str]) -> None:
        if positions:
            self._redis.zrem(self._keys.claimed, *positions)


def _state(claimed: bool, replayed: float | None) -> Claim:
    if replayed is not None:
        return "replayed"
    return "unsure" if claimed else "ours"
