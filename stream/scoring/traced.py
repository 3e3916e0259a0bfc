"""Follows tweets through scoring: a span for each that is traced, one for the batch, and a header for what follows.

Only a worker that traces wraps its scorer in this; without it, nothing here is imported.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from opentelemetry.trace import SpanKind

from contracts.tracing.propagation import HEADER, traceparent_in
from contracts.tracing.spans import Attributes, Tracer
from models.registry.champion import LoadedModel
from stream.codecs.prediction_encoder import TRACED
from stream.dead_letters.record import source_of
from stream.kafka.records import OutRecord, Record, RecordBatch, ScoredBatch, get_headers, headers_of
from stream.scoring.scorer import BatchScorer

_log = logging.getLogger("buzzwatch.stream.scoring")

_BATCH_FOR_EACH: Final = 1000
_MOST: Final = 16


def most_of(number: int) -> int:
    """How many of so many tweets are traced at most: one in a thousand, so that tracing costs next to nothing of the
    worker's throughput even when every producer traces everything; and at least one."""
    return max(1, min(number // _BATCH_FOR_EACH, _MOST))


class TracedScorer:
    """Scores, and traces tweets whose producer does, and a share of those about which nobody has decided."""

    def __init__(self, scorer: BatchScorer, tracer: Tracer) -> None:
        self._scorer = scorer
        self._tracer = tracer

    def score(self, batch: RecordBatch, loaded: LoadedModel, now_ms: int) -> ScoredBatch:
        """As the scorer does; the predictions of traced tweets carry the context of their span."""
        try:
            chosen = self._chosen(batch.messages)
        except Exception:  # no tweet may fail because it is followed
            _log.exception("a batch is scored, and its tweets are not followed")
            chosen = {}
        if not chosen:
            return self._scorer.score(batch, loaded, now_ms)
        parents = [parent for parent in chosen.values() if parent]
        about: Attributes = {
            "messaging.system": "kafka",
            "messaging.batch.message_count": len(batch.messages),
            "buzzwatch.model": loaded.ref.version,
        }
        begun_ns = time.time_ns()
        with self._tracer.span("score batch", SpanKind.CONSUMER, links=parents, attributes=about) as whole:
            scored = self._scorer.score(batch, loaded, now_ms)
        try:
            return replace(scored, instead=self._marked(batch, scored, chosen, whole, begun_ns))
        except Exception:
            _log.exception("a batch is scored, and its traced tweets are not followed further")
            return scored

    def _chosen(self, messages: Sequence[Record]) -> dict[int, str]:
        """Rows of the tweets that are traced, with the context that they came with ("" for none)."""
        try:
            headers = list(map(get_headers, messages))  # most have none: a loop in Python would cost more than all else
        except (SystemError, UnicodeDecodeError):
            headers = [headers_of(message) for message in messages]
        decided = {row: traceparent_in(headers_of(messages[row])) for row, named in enumerate(headers) if named}
        most = most_of(len(messages))
        found = {row: parent for row, parent in decided.items() if parent}
        if len(found) > most:
            found = dict(sorted(found.items())[:most])
        some = min(self._tracer.how_many(len(messages)), most - len(found))
        for row in random.sample(range(len(messages)), max(0, some)):
            if decided.get(row) is None:
                found[row] = ""
        return dict(sorted(found.items()))

    def _marked(
        self, batch: RecordBatch, scored: ScoredBatch, chosen: dict[int, str], whole: str, begun_ns: int
    ) -> dict[int, OutRecord]:
        """The predictions of traced tweets, with the header, by their row among the predictions."""
        ended_ns = time.time_ns()
        marked: dict[int, OutRecord] = {}
        for number, row in self._rows(batch, scored, chosen).items():
            message = batch.messages[number]
            context = self._tracer.at(
                "score tweet",
                SpanKind.CONSUMER,
                begun_ns,
                ended_ns,
                parent=chosen[number],
                links=[whole],
                attributes={
                    "messaging.system": "kafka",
                    "messaging.destination.name": message.topic(),
                    "messaging.destination.partition.id": str(message.partition()),
                    "messaging.kafka.offset": message.offset(),
                },
            )
            record = scored.predictions[row]
            value = record.value and record.value[:-1] + TRACED
            marked[row] = record._replace(headers=[*record.headers, (HEADER, context.encode())], value=value)
        return marked

    @staticmethod
    def _rows(batch: RecordBatch, scored: ScoredBatch, chosen: dict[int, str]) -> dict[int, int]:
        """Where the predictions of chosen records are: as many rows earlier as records before them are dead."""
        if not scored.dead_letters:
            return {number: number for number in chosen}
        dead = {source_of(letter) for letter in scored.dead_letters}
        rows: dict[int, int] = {}
        row = 0
        for number, message in enumerate(batch.messages):
            if (message.topic(), message.partition(), message.offset()) in dead:
                continue
            if number in chosen:
                rows[number] = row
            row += 1
        return rows
