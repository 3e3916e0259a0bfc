"""The headers of scored events, CloudEvents 1.0 in Kafka's binary mode, and their identifiers, UUIDv5 (RFC 9562)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from uuid_utils import UUID, uuid5

from contracts.events import PREDICTION_NAMESPACE, ModelRef
from models.text.batch import TextBatch
from stream.kafka.records import Headers

SOURCE: Final = b"/buzzwatch/score"
TYPE: Final = b"buzzwatch.tweet.scored.v1"
LENGTH: Final = 36
"""Letters of a UUID."""
_NAMESPACE: Final = UUID(bytes=PREDICTION_NAMESPACE.bytes)


def cloud_event_headers(identifiers: Sequence[bytes], scored_at: bytes) -> list[Headers]:
    """The headers of each event; all but `ce_id` are the same objects."""
    version, source, kind = ("ce_specversion", b"1.0"), ("ce_source", SOURCE), ("ce_type", TYPE)
    moment, content = ("ce_time", scored_at), ("content-type", b"application/json")
    return [[version, ("ce_id", identifier), source, kind, moment, content] for identifier in identifiers]


def identifiers(ref: ModelRef, tweet_ids: TextBatch) -> NDArray[np.uint8]:
    """What `contracts.events.prediction_id` returns, in ASCII, in a row, `LENGTH` letters each."""
    start = f"{ref.name}/{ref.version}/"
    joined = "".join([str(uuid5(_NAMESPACE, start + tweet_id)) for tweet_id in tweet_ids.strings()])
    return np.frombuffer(bytearray(joined, "ascii"), np.uint8)  # can be written to, for a canary changes some
