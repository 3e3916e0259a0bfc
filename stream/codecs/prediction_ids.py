"""The identifiers of a batch's predictions: UUIDv5 (RFC 9562). `contracts.events.prediction_id` is the definition."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from uuid_utils import UUID, uuid5

from contracts.events import PREDICTION_NAMESPACE, ModelRef
from models.text.batch import TextBatch

LENGTH: Final = 36
"""Letters of a UUID."""

_NAMESPACE: Final = UUID(bytes=PREDICTION_NAMESPACE.bytes)


def identifiers(ref: ModelRef, tweet_ids: TextBatch) -> NDArray[np.uint8]:
    """What `contracts.events.prediction_id` returns, in ASCII, in a row, `LENGTH` letters each."""
    start = f"{ref.name}/{ref.version}/"
    joined = "".join([str(uuid5(_NAMESPACE, start + tweet_id)) for tweet_id in tweet_ids.strings()])
    return np.frombuffer(bytearray(joined, "ascii"), np.uint8)  # can be written to, for a canary changes some
