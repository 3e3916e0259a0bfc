"""The headers of scored events: CloudEvents 1.0 in Kafka's binary mode."""

from __future__ import annotations

from collections.abc import Sequence

from stream.kafka.records import Headers

SOURCE = b"/buzzwatch/score"
TYPE = b"buzzwatch.tweet.scored.v1"


def cloud_event_headers(identifiers: Sequence[bytes], scored_at: bytes) -> list[Headers]:
    """The headers of each event; all but `ce_id` are the same objects."""
    version, source, kind = ("ce_specversion", b"1.0"), ("ce_source", SOURCE), ("ce_type", TYPE)
    moment, content = ("ce_time", scored_at), ("content-type", b"application/json")
    return [[version, ("ce_id", identifier), source, kind, moment, content] for identifier in identifiers]
