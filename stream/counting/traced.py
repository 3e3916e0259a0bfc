"""Follows traced predictions into the counters, and remembers them for the alerts that they may lead to."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

from opentelemetry.trace import SpanKind

from alerts.state.traces import RecentTraces
from contracts.errors import InvalidRecord
from contracts.events import decode_prediction
from contracts.tracing.propagation import traceparent_in
from contracts.tracing.spans import Attributes, Tracer
from stream.codecs.prediction_encoder import TRACED
from stream.counting.marked_consumer import MarkedBatch, Task
from stream.kafka.records import Record, headers_of

_log = logging.getLogger("buzzwatch.stream.watching")


class TracedCounting:
    """Counts as `task` does, with a span for each traced prediction and one for its batch.

    Headers are read of records alone whose value ends with the mark that the scorer set: reading those of all would
    cost more than counting them.
    """

    def __init__(self, task: Task, tracer: Tracer, recent: RecentTraces) -> None:
        self._task = task
        self._tracer = tracer
        self._recent = recent

    def marks(self, topic_id: str, partitions: Sequence[int]) -> Mapping[int, int]:
        """As the task's."""
        return self._task.marks(topic_id, partitions)

    def act(self, batch: MarkedBatch) -> int:
        """As the task does. A fault in following is logged, and nothing that is counted depends on it."""
        traced = self._traced(batch.records)
        if not traced:
            return self._task.act(batch)
        about: Attributes = {"messaging.system": "kafka", "messaging.batch.message_count": len(batch.records)}
        begun_ns = time.time_ns()
        links = [context for _, context in traced]
        with self._tracer.span("count batch", SpanKind.CONSUMER, links=links, attributes=about) as whole:
            after = self._task.act(batch)
        if after == batch.end:
            try:
                for record, context in traced:
                    self._counted(record, context, whole, begun_ns)
            except Exception:
                _log.exception("traced predictions are counted, and not followed further")
        return after

    def reject(self, batch: MarkedBatch, error: Exception) -> None:
        """As the task does."""
        self._task.reject(batch, error)

    def _traced(self, records: Sequence[Record]) -> list[tuple[Record, str]]:
        """The traced records and their contexts."""
        try:
            marked = [record for record in records if (record.value() or b"").endswith(TRACED)]
            found = [(record, traceparent_in(headers_of(record))) for record in marked]
            return [(record, context) for record, context in found if context]
        except Exception:
            _log.exception("a batch is counted, and its traced predictions are not followed")
            return []

    def _counted(self, record: Record, parent: str, whole: str, begun_ns: int) -> None:
        try:
            prediction = decode_prediction(record.value())
        except InvalidRecord:
            return
        context = self._tracer.at(
            "count tweet",
            SpanKind.CONSUMER,
            begun_ns,
            time.time_ns(),
            parent=parent,
            links=[whole],
            attributes={"messaging.system": "kafka", "buzzwatch.sentiment": prediction.sentiment},
        )
        self._recent.remember(prediction.watches, context)
