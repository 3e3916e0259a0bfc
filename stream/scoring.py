"""From a batch of tweets to predictions and dead letters: the function that every tweet goes through.

Pure but for the model: the same batch, model and clock give the same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from contracts.errors import InvalidRecord, ModelFailure
from contracts.events import ModelRef, Prediction, Scores, Tweet, decode_tweet, prediction_id
from contracts.times import to_ms, to_rfc3339
from models.annotate import Annotation, Annotator
from models.champion import LoadedModel
from models.sentiment import SentimentModel
from stream.dead_letters import dead_letter
from stream.records import Headers, OutRecord, Record, RecordBatch, ScoredBatch

SOURCE = b"/buzzwatch/score"
TYPE = b"buzzwatch.tweet.scored.v1"

_encode = msgspec.json.Encoder().encode


class Scorer:
    """Scores batches with whatever model it is handed.

    Args:
        annotator: sentiment, watches, themes and the masked text of texts.
        text: which text goes into the event: `masked`, `raw` or `none`.
    """

    def __init__(self, annotator: Annotator, text: str) -> None:
        self._annotator = annotator
        self._text = text

    def score(self, batch: RecordBatch, loaded: LoadedModel, now_ms: int) -> ScoredBatch:
        """Every record of the batch becomes a prediction or a dead letter, in the order in which it came."""
        tweets: list[tuple[Record, Tweet]] = []
        dead: list[OutRecord] = []
        for message in batch.messages:
            try:
                tweets.append((message, decode_tweet(message.value())))
            except InvalidRecord as error:
                dead.append(dead_letter(message, error))
        scored_at = to_rfc3339(now_ms)
        predictions: list[OutRecord] = []
        annotations = self._annotate(loaded.model, [tweet.text for _, tweet in tweets])
        for (message, tweet), annotation in zip(tweets, annotations, strict=True):
            if isinstance(annotation, ModelFailure):
                dead.append(dead_letter(message, annotation))
            else:
                predictions.append(self._publishable(message, tweet, annotation, loaded.ref, scored_at))
        return ScoredBatch(batch, predictions, dead)

    def _annotate(self, model: SentimentModel, texts: Sequence[str]) -> list[Annotation | ModelFailure]:
        """Annotations of the texts. When the model raises, halves are tried until the culprit stands alone."""
        if not texts:
            return []
        try:
            return list(self._annotator.annotate(model, texts))
        except Exception as error:  # whatever a model may raise: the tweet is kept, the rest is scored
            if len(texts) == 1:
                return [ModelFailure(f"the model raised {type(error).__name__}: {error}")]
            middle = len(texts) // 2
            return self._annotate(model, texts[:middle]) + self._annotate(model, texts[middle:])

    def _publishable(
        self, message: Record, tweet: Tweet, annotation: Annotation, ref: ModelRef, scored_at: str
    ) -> OutRecord:
        tweet_id = str(tweet.id)
        identifier = prediction_id(ref.name, ref.version, tweet_id)
        timestamp_ms = message.timestamp()[1]
        created_at_ms = timestamp_ms if tweet.created_at is None else to_ms(tweet.created_at)
        event = Prediction(
            tweet_id=tweet_id,
            prediction_id=identifier,
            sentiment=annotation.sentiment,
            confidence=round(annotation.confidence, 4),
            scores=Scores(*(round(score, 4) for score in annotation.scores)),
            watches=annotation.watches,
            themes=annotation.themes,
            model=ref,
            text={"masked": annotation.masked, "raw": tweet.text}.get(self._text),
            lang=tweet.lang,
            created_at=to_rfc3339(created_at_ms),
            scored_at=scored_at,
        )
        headers: Headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", identifier.encode()),
            ("ce_source", SOURCE),
            ("ce_type", TYPE),
            ("ce_time", scored_at.encode()),
            ("content-type", b"application/json"),
        ]
        return OutRecord(tweet_id.encode(), _encode(event), headers, timestamp_ms)
