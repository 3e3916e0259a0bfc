from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.events import ModelRef, decode_prediction
from contracts.rules.schema import Rules, Watch
from contracts.tracing.propagation import traceparent_in
from contracts.tracing.spans import Tracer
from models.annotator import Annotator
from models.registry.champion import LoadedModel
from stream.kafka.records import Headers, OutRecord, RecordBatch, ScoredBatch
from stream.scoring.scorer import Scorer
from stream.scoring.traced import Budget, TracedScorer
from tests.fake_model import FakeModel
from tests.fakes_kafka import FakeRecord

LOADED = LoadedModel.of(ModelRef("sentiment", "7"), FakeModel(), ("champion",))
RULES = Rules(watches=(Watch(name="air-paradis", match=("@airparadis",)),))
SAMPLED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
REFUSED = SAMPLED[:-2] + "00"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


def score(
    exporter: InMemorySpanExporter,
    contexts: Sequence[str | None],
    sample: float = 0,
    bad: Sequence[int] = (),
    budget: Budget | None = None,
) -> ScoredBatch:
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    records = []
    for row, context in enumerate(contexts):
        headers: Headers | None = None if context is None else [("traceparent", context.encode())]
        value = b"{}" if row in bad else json.dumps({"id": str(row), "text": "fine"}).encode()
        records.append(FakeRecord(value, offset=row, headers=headers))
    scorer = TracedScorer(Scorer(Annotator(RULES), "masked"), Tracer(sample, provider), budget)
    return scorer.score(RecordBatch(records, 0, None), LOADED, 1_795_000_000_000)


def named(exporter: InMemorySpanExporter, name: str) -> list[Any]:
    return [span for span in exporter.get_finished_spans() if span.name == name]


def about(record: OutRecord) -> str:
    return decode_prediction(record.value).tweet_id


def test_a_traced_tweet_hands_its_trace_on_and_all_else_stays_as_it_is(exporter: InMemorySpanExporter) -> None:
    scored = score(exporter, [None, SAMPLED, REFUSED, None])
    assert list(scored.instead) == [1]
    record, plain = scored.instead[1], scored.predictions[1]
    context = traceparent_in(record.headers) or ""
    assert context.split("-")[1] == SAMPLED.split("-")[1]
    assert context != SAMPLED
    assert record.headers[:-1] == plain.headers
    assert json.loads(record.value or b"") == json.loads(plain.value or b"") | {"traced": True}
    assert (record.key, record.timestamp_ms) == (plain.key, plain.timestamp_ms)
    [batch] = exporter.get_finished_spans()[:1]
    assert [link.context.trace_id for link in batch.links] == [int(SAMPLED.split("-")[1], 16)]


def test_the_right_prediction_is_traced_where_records_before_it_are_dead(exporter: InMemorySpanExporter) -> None:
    scored = score(exporter, [None, None, None, None, SAMPLED], bad=[0, 3])
    assert [(row, about(record)) for row, record in scored.instead.items()] == [(2, "4")]
    assert len(scored.dead_letters) == 2


def test_a_dead_letter_keeps_the_context_it_came_with(exporter: InMemorySpanExporter) -> None:
    scored = score(exporter, [SAMPLED], bad=[0])
    assert scored.instead == {}
    assert ("traceparent", SAMPLED.encode()) in scored.dead_letters[0].headers


def test_those_that_come_with_a_trace_are_followed_first_within_the_budget(exporter: InMemorySpanExporter) -> None:
    scored = score(exporter, [None] * 40 + [SAMPLED] * 3, sample=1.0, budget=Budget(lambda: 0.0))
    assert list(scored.instead)[-3:] == [40, 41, 42]
    assert len(scored.instead) == len(named(exporter, "score tweet")) == 16
    assert len(named(exporter, "score batch")) == 1


def test_one_tweet_in_three_thousand_and_five_a_second_are_followed_at_most(exporter: InMemorySpanExporter) -> None:
    now = 0.0
    budget = Budget(lambda: now)
    assert len(score(exporter, [SAMPLED] * 20, budget=budget).instead) == 16
    assert score(exporter, [SAMPLED] * 2999, budget=budget).instead == {}
    assert len(score(exporter, [SAMPLED] * 2, budget=budget).instead) == 1
    now = 1.0
    assert len(score(exporter, [SAMPLED] * 8, budget=budget).instead) == 5
    now = 60.0
    assert len(score(exporter, [SAMPLED] * 20, budget=budget).instead) == 16


def test_what_nobody_decided_about_is_not_traced_at_a_share_of_nothing(exporter: InMemorySpanExporter) -> None:
    assert score(exporter, [None] * 50 + [REFUSED]).instead == {}
    assert exporter.get_finished_spans() == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SAMPLED.encode(), SAMPLED),
        (REFUSED.encode(), ""),
        (b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01", None),
        (b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", None),
        (b"\xff\xfe", None),
        (b"", None),
        (None, None),
    ],
)
def test_a_context_that_cannot_be_read_is_none(value: bytes | None, expected: str | None) -> None:
    assert traceparent_in([("other", b"1"), ("traceparent", value)]) == expected
