"""Scoring records one by one in plain Python: the definition that `stream.scoring.scorer` is held against."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from contracts.errors import InvalidRecord
from contracts.events import MAX_REACH, SENTIMENTS, decode_fields, prediction_id
from contracts.times import to_ms, to_rfc3339
from models.annotator import Annotator
from models.registry.champion import LoadedModel
from models.text.batch import TextBatch
from models.text.masking import mask
from stream.codecs.authors import AuthorKey
from stream.codecs.cloud_events import cloud_event_headers
from stream.codecs.record_times import sent_ms
from stream.dead_letters.record import dead_letter
from stream.kafka.records import OutRecord, Record


def scored(
    records: Sequence[Record], annotator: Annotator, loaded: LoadedModel, text: str, now_ms: int
) -> tuple[list[OutRecord], list[OutRecord]]:
    """Predictions and dead letters, with authors hashed by the key of no secret."""
    predictions, dead = [], []
    for record in records:
        try:
            predictions.append(_prediction(record, annotator, loaded, text, now_ms))
        except InvalidRecord as error:
            dead.append(dead_letter(record, error))
    return predictions, dead


def _prediction(record: Record, annotator: Annotator, loaded: LoadedModel, text: str, now_ms: int) -> OutRecord:
    tweet = decode_fields(record.value())
    columns = annotator.columns(loaded.model, [tweet.text], masked=False, langs=[tweet.lang])
    shares = [round(float(share), 4) for share in columns.probabilities[0]]
    best = int(columns.probabilities[0].argmax())
    topics = columns.topics[0]
    watches, themes = annotator.names(topics)
    sent = sent_ms(record.timestamp()[1], tweet.created_at_ms, now_ms)
    name = prediction_id(loaded.ref.name, loaded.ref.version, str(tweet.id))
    author = int(AuthorKey.of().hashes(TextBatch.of(["" if tweet.author_id is None else str(tweet.author_id)]))[0])
    felt = annotator.theme_sentiments(topics)
    event = {
        "tweet_id": str(tweet.id),
        "prediction_id": name,
        "sentiment": SENTIMENTS[best],
        "confidence": shares[best],
        "scores": dict(zip(SENTIMENTS, shares, strict=True)),
        "watches": watches,
        "themes": themes,
        "model": loaded.ref,
        **({} if annotator.reliable(topics) else {"reliable": False}),
        **({"theme_sentiments": felt} if felt else {}),
        "text": {"masked": mask(tweet.text), "raw": tweet.text, "none": None}[text],
        "lang": tweet.lang,
        "created_at": to_rfc3339(sent if tweet.created_at is None else to_ms(tweet.created_at)),
        "scored_at": to_rfc3339(now_ms),
        **({"author": f"{author:016x}"} if author else {}),
        **({} if tweet.reach is None else {"reach": min(tweet.reach, MAX_REACH)}),
    }
    [headers] = cloud_event_headers([name.encode()], to_rfc3339(now_ms).encode())
    return OutRecord(str(tweet.id).encode(), msgspec.json.encode(event), headers, sent)
