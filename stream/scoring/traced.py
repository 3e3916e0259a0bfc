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
from stream.kafka.records import OutRecord, Record, RecordBatch, ScoredBatch, headers_of
from stream.scoring.scorer import BatchScorer

_log = logging.getLogger("buzzwatch.stream.scoring")

MOST: Final = 16
"""Tweets of a batch that are traced: a bound for what tracing costs when every producer traces everything."""


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
        found: dict[int, str] = {}
        undecided = []
        for row, message in enumerate(messages):
            parent = traceparent_in(headers_of(message))
            if parent:
                found[row] = parent
            elif parent is None:
                undecided.append(row)
        some = self._tracer.how_many(len(undecided))
        found |= dict.fromkeys(random.sample(undecided, min(some, len(undecided), MOST)), "")
        # Those that come with a context first: their traces have begun.
        kept = sorted(found, key=lambda row: (not found[row], row))[:MOST]
        return {row: found[row] for row in sorted(kept)}

    def _marked(
        self, batch: RecordBatch, scored: ScoredBatch, chosen: dict[int, str], whole: str, begun_ns: int
    ) -> dict[int, OutRecord]:
        """The predictions of traced tweets, with the header, by their row among the predictions."""
        dead = {source_of(letter) for letter in scored.dead_letters}
        marked: dict[int, OutRecord] = {}
        row, ended_ns = 0, time.time_ns()
        for number, message in enumerate(batch.messages):
            if dead and (message.topic(), message.partition(), message.offset()) in dead:
                continue
            if number in chosen:
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
                headers = [*record.headers, (HEADER, context.encode())]
                value = record.value and record.value[:-1] + TRACED
                marked[row] = record._replace(headers=headers, value=value)
            row += 1
        return marked
