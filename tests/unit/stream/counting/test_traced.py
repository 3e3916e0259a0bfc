from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from contracts.tracing.spans import Tracer
from stream.codecs.prediction_encoder import TRACED
from stream.counting.marked_consumer import MarkedBatch
from stream.counting.traced import TracedCounting
from stream.kafka.records import Record
from tests.fakes_kafka import FakeRecord

CONTEXT = b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
VALUE = (
    b'{"tweet_id":"1","prediction_id":"p","sentiment":"negative","confidence":0.9,"scores":{"negative":0.9,'
    b'"neutral":0.1,"positive":0.0},"watches":["air-paradis","delta"],"themes":[],"model":{"name":"m","version":"1"},'
    b'"text":"x","lang":"en","created_at":"2026-11-20T10:00:00.000Z","scored_at":"2026-11-20T10:00:00.000Z"'
)


class Unhashable(FakeRecord):
    """As confluent-kafka's messages are."""

    __hash__ = None  # type: ignore[assignment]


class Counted:
    """A task that counts everything, or nothing."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.batches: list[MarkedBatch] = []

    def marks(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        return {}

    def act(self, batch: MarkedBatch) -> int:
        self.batches.append(batch)
        return self.after

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        raise AssertionError


class Remembered:
    """Takes contexts; or fails."""

    def __init__(self, *, fails: bool = False) -> None:
        self.kept: list[tuple[list[str], str]] = []
        self.fails = fails

    def remember(self, watches: list[str], context: str) -> None:
        if self.fails:
            raise ValueError("a fault of ours")
        self.kept.append((watches, context))


def follow(records: Sequence[Record], after: int = 3, *, fails: bool = False) -> tuple[int, Remembered, list[Any]]:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    remembered = Remembered(fails=fails)
    counting = TracedCounting(Counted(after), Tracer(0, provider), remembered)  # type: ignore[arg-type]
    result = counting.act(MarkedBatch("id", 0, 0, 3, records))
    return result, remembered, list(exporter.get_finished_spans())


def records() -> list[Record]:
    plain = Unhashable(VALUE + b"}", headers=[("traceparent", CONTEXT)])
    return [plain, Unhashable(VALUE + TRACED, headers=[("traceparent", CONTEXT)]), plain]


def test_a_traced_prediction_that_was_counted_is_remembered_for_its_watches() -> None:
    after, remembered, spans = follow(records())
    assert after == 3
    [(watches, context)] = remembered.kept
    assert watches == ["air-paradis", "delta"]
    assert context.split("-")[1] == CONTEXT.decode().split("-")[1]
    assert [span.name for span in spans] == ["count batch", "count tweet"]
    assert len(spans[0].links) == 1


def test_what_redis_had_counted_before_is_not_remembered_again() -> None:
    after, remembered, _ = follow(records(), after=1)
    assert after == 1
    assert remembered.kept == []


def test_a_batch_without_a_trace_is_counted_as_it_is() -> None:
    assert follow([Unhashable(VALUE + b"}"), Unhashable(None)])[::2] == (3, [])


def test_a_fault_in_following_changes_nothing_that_is_counted() -> None:
    assert follow(records(), fails=True)[0] == 3
