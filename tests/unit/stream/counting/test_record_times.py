from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.settings import AlertSettings
from contracts.times import OLDEST_MS, clock_ms, to_rfc3339
from stream.codecs.prediction_decoder import ScoredReader
from stream.codecs.record_times import AHEAD_MS, all_sent_ms, sent_ms
from stream.counting.consumer import tallied
from stream.counting.tally import Tally
from stream.kafka.records import Record
from tests.fakes_kafka import FakeRecord

NOW_MS = 1_795_000_000_123
_MS = st.one_of(
    st.sampled_from([-1, 0, OLDEST_MS - 1, OLDEST_MS, NOW_MS, NOW_MS + AHEAD_MS, NOW_MS + AHEAD_MS + 1]),
    st.integers(-(10**17), 10**17),
)


@given(st.lists(st.tuples(_MS, _MS), min_size=1, max_size=8))
def test_many_are_dated_as_each_alone(pairs: list[tuple[int, int]]) -> None:
    stamps, own = np.array(pairs, np.int64).T
    expected = [sent_ms(stamp, date, NOW_MS) for stamp, date in pairs]
    assert all_sent_ms(stamps, own, NOW_MS).tolist() == expected
    assert all(OLDEST_MS <= ms <= NOW_MS + AHEAD_MS for ms in expected)


def _scored(created_at: str) -> bytes:
    return json.dumps(
        {
            "tweet_id": "1", "prediction_id": "p1", "sentiment": "negative", "confidence": 0.9,
            "scores": {"negative": 0.9, "neutral": 0.05, "positive": 0.05}, "watches": ["air"], "themes": [],
            "model": {"name": "m", "version": "1"}, "text": "lost", "lang": "en", "created_at": created_at,
            "scored_at": created_at,
        },
        separators=(",", ":"),
    ).encode()  # fmt: skip


@pytest.mark.parametrize("stamp", [-1, 0, 1_795_000_000, 10**16])
def test_a_prediction_without_a_plausible_timestamp_counts_when_its_tweet_was_written(
    stamp: int,
) -> None:
    now_ms = clock_ms()
    records: list[Record] = [
        FakeRecord(_scored(to_rfc3339(now_ms - 10_000)), topic="tweets.scored", timestamp_ms=stamp)
    ]
    counts: Tally = tallied(ScoredReader(), records, 0, AlertSettings(), now_ms)
    assert sum(counts.buckets.values()) == 2  # the stream and the watch
    assert [sample.created_at_ms for sample in counts.samples] == [now_ms - 10_000]
