"""Scores a batch of tweets: predictions and dead letters come out.

No side effects but those of the model: the same batch, model and clock give the same bytes.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ModelFailure
from contracts.events import ModelRef
from contracts.times import to_rfc3339
from models.annotator import Annotator, Columns
from models.registry.champion import LoadedModel
from models.text.batch import TextBatch
from models.text.masking import mask_batch
from stream.codecs.authors import AuthorKey
from stream.codecs.cloud_events import LENGTH, identifiers
from stream.codecs.prediction_encoder import EventBatchWriter
from stream.codecs.record_times import sent_ms
from stream.codecs.tweet_decoder import TweetColumns, read_batch, read_values
from stream.dead_letters.record import dead_letter
from stream.kafka.records import OutRecord, Record, RecordBatch, ScoredBatch
from stream.scoring.trial import Trial, taken

_log = logging.getLogger("buzzwatch.stream.scoring")


class _Moment(NamedTuple):
    """When a batch is scored, and how far the stream is behind then."""

    scored_at: bytes
    now_ms: int
    behind_s: float
    """Age of the batch's newest record. 0 where that has no timestamp."""

    @classmethod
    def of(cls, batch: RecordBatch, now_ms: int) -> _Moment:
        newest = batch.messages[-1].timestamp()[1] if batch.messages else now_ms
        return cls(to_rfc3339(now_ms).encode(), now_ms, max(0, now_ms - sent_ms(newest, None, now_ms)) / 1000)


class _Scored(NamedTuple):
    """What became of some records, each in the order of the records."""

    predictions: Sequence[OutRecord]
    dead_letters: list[OutRecord]


class BatchScorer(Protocol):
    """What the score role needs of a scorer."""

    def score(self, batch: RecordBatch, loaded: LoadedModel, now_ms: int) -> ScoredBatch:
        """Every record of the batch becomes a prediction or a dead letter."""
        ...


class Scorer:
    """Scores batches; the model is passed with each batch.

    Args:
        annotator: sentiment, watches, themes and the masked text of texts.
        text: which text goes into the event: `masked`, `raw` or `none`.
        key: hashes the authors.
    """

    def __init__(self, annotator: Annotator, text: str, key: AuthorKey | None = None) -> None:
        self._annotator = annotator
        self._next_annotator: Annotator | None = None
        self._text = text
        self._key = key or AuthorKey.of()
        self.trial: Trial | None = None
        """A challenger on trial beside the model that is passed with each batch. May be set from any thread."""
        self._writer: EventBatchWriter | None = None
        # Compiled now, so that the first batch does not wait for it.
        tweets = read_values([b'{"id":"1","text":"@a"}'], [0], 0)[0]
        shares = np.full((1, 3), 0.25, np.float32)
        columns = Columns(shares, [0], mask_batch(tweets.texts))
        EventBatchWriter(annotator, ModelRef("", ""), text, self._key).write(tweets, columns, b"")

    def follow(self, annotator: Annotator) -> None:
        """Use another annotator from the next batch on. Any thread."""
        self._next_annotator = annotator

    def score(self, batch: RecordBatch, loaded: LoadedModel, now_ms: int) -> ScoredBatch:
        """Every record of the batch becomes a prediction or a dead letter, in the order of the batch."""
        if self._next_annotator is not None:
            self._annotator, self._next_annotator = self._next_annotator, None
            self._writer = None
        moment = _Moment.of(batch, now_ms)
        try:
            return ScoredBatch(batch, *self._scored(batch.messages, loaded, moment))
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # usually the model's; halving isolates the tweet at fault
            _log.warning(
                "a batch of %d records could not be scored at once (%s: %s); it is split until the tweet at"
                " fault is found, which becomes a dead letter",
                len(batch.messages), type(error).__name__, error,
            )  # fmt: skip
        return ScoredBatch(batch, *self._halved(batch.messages, loaded, moment))

    def _halved(self, messages: Sequence[Record], loaded: LoadedModel, moment: _Moment) -> _Scored:
        """Score once more; when that raises, halve until the tweet at fault is alone."""
        try:
            return self._scored(messages, loaded, moment)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a model may raise anything; a panic of a tokenizer in Rust is no Exception
            if len(messages) == 1:
                failure = ModelFailure(f"the model raised {type(error).__name__}: {error}")
                return _Scored([], [dead_letter(messages[0], failure)])
        middle = len(messages) // 2
        first = self._halved(messages[:middle], loaded, moment)
        second = self._halved(messages[middle:], loaded, moment)
        return _Scored([*first.predictions, *second.predictions], [*first.dead_letters, *second.dead_letters])

    def _scored(self, messages: Sequence[Record], loaded: LoadedModel, moment: _Moment) -> _Scored:
        """All records in a few calls of compiled code. Raises whatever the model raises."""
        tweets, wrong = read_batch(messages, moment.now_ms)
        dead = [dead_letter(messages[row], error) for row, error in wrong]
        if tweets is None:
            return _Scored([], dead)
        trial = self.trial if self.trial is not None and self.trial.ref != loaded.ref else None
        since = time.perf_counter()
        columns = self._annotator.columns(
            loaded.model,
            tweets.texts,
            masked=self._text == "masked",
            langs=tweets.langs,
            behind_s=moment.behind_s,
        )
        took_s, champions, names, compared = time.perf_counter() - since, columns.probabilities, None, None
        if trial is not None and trial.share > 0:
            columns, names, compared = self._with_challenger(trial, tweets, columns, loaded, moment)
        writer = self._writer_of(loaded.ref, None if names is None or trial is None else trial.ref)
        predictions = writer.write(tweets, columns, moment.scored_at, names)
        if trial is not None:  # last, as whatever raises before it is called again
            trial.offer(tweets.texts, champions, took_s, moment.behind_s, compared)
        return _Scored(predictions, dead)

    def _writer_of(self, ref: ModelRef, challenger: ModelRef | None) -> EventBatchWriter:
        known = self._writer
        if known is None or known.ref != ref or (challenger is not None and known.challenger != challenger):
            known = self._writer = EventBatchWriter(self._annotator, ref, self._text, self._key, challenger)
        return known

    def _with_challenger(
        self, trial: Trial, tweets: TweetColumns, columns: Columns, loaded: LoadedModel, moment: _Moment
    ) -> tuple[Columns, NDArray[np.uint8] | None, NDArray[np.intp] | None]:
        """The challenger's answers in the place of the champion's on its share of the tweets, all ids, and which rows.

        Where the challenger fails, the champion's answers stand.
        """
        ours = identifiers(trial.ref, tweets.ids)
        rows = np.flatnonzero(trial.chosen(ours))
        if not len(rows):
            return columns, None, None
        texts = taken(tweets.texts, rows)
        langs = [tweets.langs[row] if tweets.has_lang[row] else None for row in rows.tolist()]
        found = trial.answer(
            lambda: self._answers(trial.challenger, texts, langs=langs, behind_s=moment.behind_s), len(rows)
        )
        if found is None:
            return columns, None, None
        trial.compare(columns.probabilities[rows], found.probabilities)
        probabilities, topics = columns.probabilities.copy(), list(columns.topics)
        probabilities[rows] = found.probabilities
        for row, bits in zip(rows.tolist(), found.topics, strict=True):
            topics[row] = bits | self._annotator.challenger
        names = identifiers(loaded.ref, tweets.ids).reshape(-1, LENGTH)
        names[rows] = ours.reshape(-1, LENGTH)[rows]
        return Columns(probabilities, topics, columns.masked), names.reshape(-1), rows

    def _answers(
        self, loaded: LoadedModel, texts: TextBatch, *, langs: Sequence[str | None], behind_s: float
    ) -> Columns:
        """The challenger's columns.

        Raises:
            ValueError: an answer is no probability: it would fail the whole batch when it is written.
        """
        found = self._annotator.columns(loaded.model, texts, masked=False, langs=langs, behind_s=behind_s)
        if not ((found.probabilities >= 0) & (found.probabilities <= 1)).all():
            raise ValueError("a probability is not between 0 and 1")
        return found
