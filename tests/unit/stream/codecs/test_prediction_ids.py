from __future__ import annotations

import pytest

from contracts.events import ModelRef, prediction_id
from stream.codecs.prediction_ids import prediction_ids


@pytest.mark.parametrize("name", ["sentiment", "é" * 100])
def test_identifiers_are_those_of_the_contract_whatever_their_length(name: str) -> None:
    ids = ["7" * length for length in range(1, 257)] + ["😡" * 256, "a\0b"]
    expected = [prediction_id(name, "12", tweet_id).encode() for tweet_id in ids]
    assert prediction_ids(ModelRef(name, "12"), [tweet_id.encode() for tweet_id in ids]) == expected


def test_no_tweets_have_no_identifiers() -> None:
    assert prediction_ids(ModelRef("sentiment", "7"), []) == []
