from __future__ import annotations

import pytest

from contracts.events import ModelRef, prediction_id
from models.text.batch import TextBatch
from stream.codecs.cloud_events import identifiers


@pytest.mark.parametrize("name", ["sentiment", "é" * 100])
def test_identifiers_are_those_of_the_contract_whatever_their_length(name: str) -> None:
    ids = ["7" * length for length in range(1, 257)] + ["😡" * 256, "a\0b"]
    expected = "".join(prediction_id(name, "12", tweet_id) for tweet_id in ids)
    assert identifiers(ModelRef(name, "12"), TextBatch.of(ids)).tobytes().decode() == expected


def test_no_tweets_have_no_identifiers() -> None:
    assert len(identifiers(ModelRef("sentiment", "7"), TextBatch.of([]))) == 0
