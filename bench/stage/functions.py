"""The work that every contender does on the bytes of a batch, so that the ratio shows the engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec

from contracts.rules.file import load_rules
from contracts.settings import Settings, load_settings
from contracts.times import clock_ms
from models.annotator import Annotator, walks_bytes
from models.registry.champion import Champion, LoadedModel
from stream.codecs.tweet_decoder import read_batch
from stream.kafka.records import Headers, OutRecord, RecordBatch, ScoredBatch
from stream.scoring.scorer import Scorer
from stream.worker.gc_tuning import relax_collector

FUNCTION: Final = "BUZZWATCH_BENCH_FUNCTION"
"""Environment variable that holds `whole` or `plain`."""


class CameIn(NamedTuple):
    """A record as an engine hands it over, shown as confluent-kafka shows its own."""

    key_bytes: bytes | None
    value_bytes: bytes | None
    timestamp_ms: int

    def topic(self) -> str:
        """Not known to every engine."""
        return "tweets"

    def partition(self) -> int:
        """Not known to every engine."""
        return 0

    def offset(self) -> int:
        """Not known to every engine."""
        return 0

    def key(self) -> bytes | None:
        """Key of the input record."""
        return self.key_bytes

    def value(self) -> bytes | None:
        """Value of the input record."""
        return self.value_bytes

    def headers(self) -> Headers | None:
        """No invented tweet has any."""
        return None

    def timestamp(self) -> tuple[int, int]:
        """Kind and milliseconds since 1970."""
        return 1, self.timestamp_ms


class PlainScorer:
    """Parse, score, publish identifier and scores: no mask, no topics, no headers."""

    def score(self, batch: RecordBatch, loaded: LoadedModel, now_ms: int) -> ScoredBatch:
        """Every record becomes a prediction; the invented tweets have no bad ones."""
        del now_ms
        tweets, _ = read_batch(batch.messages, clock_ms())
        if tweets is None:
            return ScoredBatch(batch, [], [])
        scores = loaded.model.predict_proba(tweets.texts if walks_bytes(loaded.model) else tweets.texts.strings())
        encode = msgspec.json.Encoder().encode
        records = [
            OutRecord(name.encode(), encode({"id": name, "scores": row}), [], timestamp)
            for name, row, timestamp in zip(
                tweets.ids.strings(), scores.tolist(), tweets.timestamps.tolist(), strict=True
            )
        ]
        return ScoredBatch(batch, records, [])


class Work:
    """The function that `BUZZWATCH_BENCH_FUNCTION` names, with the champion loaded."""

    def __init__(self) -> None:
        self.settings = load_settings()
        champion = Champion(self.settings)
        champion.load()
        self._loaded = champion.current
        self._scorer = scorer_named(os.environ.get(FUNCTION, "whole"), self.settings)
        relax_collector()  # as our worker does: no peer is to be slower for Python's collector

    def __call__(self, records: Sequence[CameIn]) -> list[OutRecord]:
        """What to publish for the records, in their order: a tuple for each, since their producers take no batch."""
        batch = RecordBatch(records, 0, None)
        return list(self._scorer.score(batch, self._loaded, clock_ms()).predictions)


def scorer_named(function: str, settings: Settings) -> Scorer | PlainScorer:
    """The scorer of `whole` or `plain`."""
    if function == "plain":
        return PlainScorer()
    return Scorer(Annotator(load_rules(settings.rules)), settings.worker.text)
