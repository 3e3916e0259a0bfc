"""Follows tweets through scoring: a span for each that is traced, one for the batch, and a header for what follows.

Only a worker that traces wraps its scorer in this; without it, nothing here is imported.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Sequence
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

_TWEETS_EACH: Final = 3000
"""A span of a tweet and its share of the batch's take 0.2 to 0.4 ms, as scoring 40 tweets does."""
_EACH_SECOND: Final = 5.0
"""Where few tweets come, which cost little whatever is done with them, some are followed all the same."""
_MOST: Final = 16.0


class Budget:
    """How many tweets may be followed, so that this costs next to nothing of the worker's throughput, however small its
    batches are and even when every producer traces everything: one in three thousand, and five a second.

    What is not used is kept, up to 16.

    Args:
        clock: seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._left = _MOST
        self._at = clock()

    def of(self, tweets: int) -> int:
        """How many of a batch of so many, which is counted in."""
        now = self._clock()
        earned = tweets / _TWEETS_EACH + (now - self._at) * _EACH_SECOND
        self._left, self._at = min(_MOST, self._left + earned), now
        return int(self._left)

    def spend(self, followed: int) -> None:
        """So many are."""
        self._left -= followed


class TracedScorer:
    """Scores, and traces tweets whose producer does, and a share of those about which nobody has decided."""

    def __init__(self, scorer: BatchScorer, tracer: Tracer, budget: Budget | None = None) -> None:
        self._scorer = scorer
        self._tracer = tracer
        self._budget = budget or Budget()

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
        """Rows of the tweets that are traced, with the context that they came with ("" for none).

        Without a budget the batch is not looked at.
        """
        most = self._budget.of(len(messages))
        if not most:
            return {}
        try:
            headers = list(map(get_headers, messages))  # most have none: a loop in Python would cost more than all else
        except (SystemError, UnicodeDecodeError):
            headers = [headers_of(message) for message in messages]
        decided = {row: traceparent_in(headers_of(messages[row])) for row, named in enumerate(headers) if named}
        found = {row: parent for row, parent in decided.items() if parent}
        if len(found) > most:
            found = dict(sorted(found.items())[:most])
        some = min(self._tracer.how_many(len(messages) - len(decided)), most - len(found))
        drawn = random.sample(range(len(messages)), min(some + len(decided), len(messages)))
        found |= dict.fromkeys([row for row in drawn if decided.get(row) is None][:some], "")
        self._budget.spend(len(found))
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
