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

from contracts.errors import InvalidRecord, ModelFailure
from contracts.events import ModelRef
from contracts.times import to_rfc3339
from contracts.tweet_objects.fields import Fields
from models.annotator import Annotator, Columns
from models.registry.champion import LoadedModel
from models.text.batch import TextBatch
from models.text.masking import mask_batch
from stream.codecs.authors import AuthorKey
from stream.codecs.cloud_events import EventWriter, cloud_event_headers, endings, instant
from stream.codecs.prediction_encoder import EventBatchWriter
from stream.codecs.prediction_ids import LENGTH, identifiers, prediction_ids
from stream.codecs.record_times import sent_ms
from stream.codecs.tweet_decoder import TweetColumns, decode_counted, read_batch, read_values
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
        self._writer: EventWriter | None = None
        self._batch_writer: EventBatchWriter | None = None
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
            self._writer = self._batch_writer = None
        moment = _Moment.of(batch, now_ms)
        try:
            return self._score_at_once(batch, loaded, moment)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # usually the model's; the slow path below isolates the tweet at fault
            _log.warning(
                "a batch of %d records could not be scored at once (%s: %s); it is split until the tweet at"
                " fault is found, which becomes a dead letter",
                len(batch.messages), type(error).__name__, error,
            )  # fmt: skip
        messages: list[Record] = []
        tweets: list[Fields] = []
        dead: list[OutRecord] = []
        for message in batch.messages:
            try:
                tweets.append(decode_counted(message.value()))
                messages.append(message)
            except InvalidRecord as error:
                dead.append(dead_letter(message, error))
        predictions: list[OutRecord] = []
        if tweets:
            self._score(messages, tweets, loaded, moment, predictions, dead)
        return ScoredBatch(batch, predictions, dead)

    def _score_at_once(self, batch: RecordBatch, loaded: LoadedModel, moment: _Moment) -> ScoredBatch:
        """The fast path: the whole batch in a few calls of compiled code. Raises whatever the model raises."""
        tweets, wrong = read_batch(batch.messages, moment.now_ms)
        dead = [dead_letter(batch.messages[row], error) for row, error in wrong]
        if tweets is None:
            return ScoredBatch(batch, [], dead)
        trial = self.trial
        since = time.perf_counter()
        columns = self._annotator.columns(
            loaded.model,
            tweets.texts,
            masked=self._text == "masked",
            langs=tweets.langs,
            behind_s=moment.behind_s,
        )
        names = None
        if trial is not None and trial.ref != loaded.ref:
            trial.offer(tweets.texts, columns.probabilities, time.perf_counter() - since, moment.behind_s)
            if trial.share > 0:
                columns, names = self._with_challenger(trial, tweets, columns, loaded, moment)
        challenger = None if names is None or trial is None else trial.ref
        if (
            self._batch_writer is None
            or self._batch_writer.ref != loaded.ref
            or (challenger is not None and self._batch_writer.challenger != challenger)
        ):
            self._batch_writer = EventBatchWriter(self._annotator, loaded.ref, self._text, self._key, challenger)
        return ScoredBatch(batch, self._batch_writer.write(tweets, columns, moment.scored_at, names), dead)

    def _with_challenger(
        self, trial: Trial, tweets: TweetColumns, columns: Columns, loaded: LoadedModel, moment: _Moment
    ) -> tuple[Columns, NDArray[np.uint8] | None]:
        """The challenger's answers in the place of the champion's on its share of the tweets, and all ids.

        Where the challenger fails, the champion's answers stand.
        """
        ours = identifiers(trial.ref, tweets.ids)
        rows = np.flatnonzero(trial.chosen(ours))
        if not len(rows):
            return columns, None
        texts = taken(tweets.texts, rows)
        langs = [tweets.langs[row] if tweets.has_lang[row] else None for row in rows.tolist()]
        found = trial.answer(
            lambda: self._answers(trial.challenger, texts, langs=langs, behind_s=moment.behind_s), len(rows)
        )
        if found is None:
            return columns, None
        trial.compare(columns.probabilities[rows], found.probabilities)
        probabilities, topics = columns.probabilities.copy(), list(columns.topics)
        probabilities[rows] = found.probabilities
        for row, bits in zip(rows.tolist(), found.topics, strict=True):
            topics[row] = bits | self._annotator.challenger
        names = identifiers(loaded.ref, tweets.ids).reshape(-1, LENGTH)
        names[rows] = ours.reshape(-1, LENGTH)[rows]
        return Columns(probabilities, topics, columns.masked), names.reshape(-1)

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

    def _score(
        self,
        messages: Sequence[Record],
        tweets: Sequence[Fields],
        loaded: LoadedModel,
        moment: _Moment,
        predictions: list[OutRecord],
        dead: list[OutRecord],
    ) -> None:
        """Append predictions and dead letters. When the model raises, halve until the tweet at fault is alone."""
        try:
            predictions += self._predictions(messages, tweets, loaded, moment)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # a model may raise anything; a panic of a tokenizer in Rust is no Exception
            if len(tweets) == 1:
                failure = ModelFailure(f"the model raised {type(error).__name__}: {error}")
                dead.append(dead_letter(messages[0], failure))
                return
            middle = len(tweets) // 2
            self._score(messages[:middle], tweets[:middle], loaded, moment, predictions, dead)
            self._score(messages[middle:], tweets[middle:], loaded, moment, predictions, dead)

    def _predictions(
        self, messages: Sequence[Record], tweets: Sequence[Fields], loaded: LoadedModel, moment: _Moment
    ) -> list[OutRecord]:
        raw = [tweet.text for tweet in tweets]
        langs = [tweet.lang for tweet in tweets]
        probabilities, topics, masked = self._annotator.columns(
            loaded.model, raw, masked=self._text == "masked", langs=langs, behind_s=moment.behind_s
        )
        keys = [str(tweet.id).encode() for tweet in tweets]
        names = prediction_ids(loaded.ref, keys)
        trial = self.trial
        if trial is not None and trial.ref != loaded.ref and trial.share > 0:
            theirs = prediction_ids(trial.ref, keys)
            rows = np.flatnonzero(trial.chosen(np.frombuffer(b"".join(theirs), np.uint8))).tolist()
            texts, theirs_langs = TextBatch.of([raw[row] for row in rows]), [langs[row] for row in rows]
            found = (
                None
                if not rows
                else trial.answer(
                    lambda: self._answers(trial.challenger, texts, langs=theirs_langs, behind_s=moment.behind_s),
                    len(rows),
                )
            )
            if found:
                probabilities, topics = probabilities.copy(), list(topics)
                for row, shares, bits in zip(rows, found.probabilities, found.topics, strict=True):
                    probabilities[row], topics[row] = shares, bits | self._annotator.challenger
                    names[row] = theirs[row]
        timestamps = [
            sent_ms(message.timestamp()[1], tweet.created_at_ms, moment.now_ms)
            for message, tweet in zip(messages, tweets, strict=True)
        ]
        authors = ["" if tweet.author_id is None else str(tweet.author_id) for tweet in tweets]
        events = self._writer_for(loaded.ref, None if trial is None else trial.ref).events(
            keys,
            names,
            probabilities,
            topics,
            masked or (raw if self._text == "raw" else [None] * len(raw)),
            langs,
            [instant(tweet.created_at, sent) for tweet, sent in zip(tweets, timestamps, strict=True)],
            endings(self._key.hashes(TextBatch.of(authors)), [tweet.reach for tweet in tweets]),
            moment.scored_at,
        )
        headers = cloud_event_headers(names, moment.scored_at)
        return list(map(OutRecord, keys, events, headers, timestamps))

    def _writer_for(self, ref: ModelRef, challenger: ModelRef | None) -> EventWriter:
        if self._writer is None or (self._writer.ref, self._writer.challenger) != (ref, challenger):
            self._writer = EventWriter(self._annotator, ref, challenger)
        return self._writer
