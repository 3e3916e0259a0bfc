"""A cascade in the stream: its events say which tier answered, and a stream that is behind gets linear answers."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from contracts.events import ModelRef, decode_prediction
from contracts.rules.schema import Rules, Watch
from models.annotator import Annotator
from models.cascade import CascadeModel
from models.registry.champion import LoadedModel
from stream.kafka.records import RecordBatch
from stream.scoring.scorer import Scorer
from tests.fake_model import FakeModel
from tests.fakes_kafka import FakeRecord

SENT_MS = 1_790_000_000_000
ANNOTATOR = Annotator(Rules(watches=(Watch(name="air-paradis", match=("@airparadis",)),)))


class Unsure(FakeModel):
    """Sure of nothing but what is "sure"."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[0.9, 0.1, 0] if "sure" in text else [0.4, 0.3, 0.3] for text in texts], np.float32)


class Deep(FakeModel):
    """Finds everything lovely."""

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.tile(np.array([0, 0, 1], np.float32), (len(texts), 1))


def events(texts: Sequence[str], behind_s: float) -> list[dict[str, object]]:
    noted = {"threshold": 0.7, "blend": 1.0, "budget_s": 1.0, "patience_s": 5.0}
    loaded = LoadedModel.of(ModelRef("sentiment", "7"), CascadeModel(Unsure(), Deep(), noted), ("champion",))
    values = [json.dumps({"id": str(number), "text": text}).encode() for number, text in enumerate(texts)]
    records = [FakeRecord(value, offset=offset, timestamp_ms=SENT_MS) for offset, value in enumerate(values)]
    scored = Scorer(ANNOTATOR, "masked").score(RecordBatch(records, 0, None), loaded, SENT_MS + int(behind_s * 1000))
    return [json.loads(record.value or b"") for record in scored.predictions if decode_prediction(record.value)]


def test_an_event_says_which_tier_answered() -> None:
    found = events(["surely @AirParadis", "hm @AirParadis"], behind_s=0.1)
    assert [(event["tier"], event["sentiment"]) for event in found] == [("linear", "negative"), ("deep", "positive")]
    assert [event["watches"] for event in found] == [["air-paradis"], ["air-paradis"]]


def test_a_stream_that_is_behind_is_answered_by_the_linear_tier_alone() -> None:
    assert [event["tier"] for event in events(["hm"] * 5, behind_s=6)] == ["linear"] * 5


def test_a_model_without_tiers_says_nothing_of_tiers() -> None:
    loaded = LoadedModel.of(ModelRef("sentiment", "7"), FakeModel(), ("champion",))
    record = FakeRecord(b'{"id": 1, "text": "fine"}', offset=0, timestamp_ms=SENT_MS)
    [scored] = Scorer(ANNOTATOR, "masked").score(RecordBatch([record], 0, None), loaded, SENT_MS).predictions
    assert b"tier" not in (scored.value or b"")
