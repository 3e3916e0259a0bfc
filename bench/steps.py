"""What the model and the function around it cost a tweet, one thread, no Kafka: each step alone, then the whole."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from bench.functions import CameIn, PlainScorer
from bench.tweets import tweets
from contracts.events import ModelRef, decode_tweet
from contracts.rules_file import load_rules
from contracts.settings import Settings
from models.annotate import Annotator
from models.artefact import load_artefact
from models.champion import LoadedModel
from models.masking import mask_batch
from models.matching import Matcher
from stream.cloud_events import EventWriter, cloud_event_headers, instant
from stream.collecting import relax_collector
from stream.prediction_ids import prediction_ids
from stream.records import RecordBatch
from stream.scoring import Scorer

_AT: Final = b"2026-11-20T10:00:00.000Z"
_NOW_MS: Final = 1_795_000_000_000


class Step(NamedTuple):
    """Processor time of one step, microseconds a tweet."""

    name: str
    median_us: float
    least_us: float


def run(settings: Settings, batch: int, rounds: int) -> list[Step]:
    """Each step `rounds` times on one batch of invented tweets; thread time, so that other programs disturb less."""
    model = load_artefact(settings.artefact)
    rules = load_rules(settings.rules)
    annotator = Annotator(rules)
    matcher = Matcher((*rules.watches, *rules.themes))
    loaded = LoadedModel.of(ModelRef(settings.mlflow.model_name, "1"), model)
    records = [CameIn(key, value, _NOW_MS) for key, value in tweets(batch)]
    came = RecordBatch(records, 0, None)
    read = [decode_tweet(record.value()) for record in records]
    texts = [tweet.text for tweet in read]
    langs = [tweet.lang for tweet in read]
    keys = [str(tweet.id).encode() for tweet in read]
    identifiers = prediction_ids(loaded.ref, keys)
    instants = [instant(tweet.created_at, _NOW_MS) for tweet in read]
    columns = annotator.columns(model, texts)
    writer = EventWriter(annotator, loaded.ref)
    whole, plain = Scorer(annotator, "masked"), PlainScorer()
    steps: dict[str, Callable[[], object]] = {
        "parse and validate": lambda: [decode_tweet(record.value()) for record in records],
        "model": lambda: model.predict_proba(texts),
        "watches and themes": lambda: matcher.find_batch(texts),
        "mask": lambda: mask_batch(texts),
        "identifiers": lambda: prediction_ids(loaded.ref, keys),
        "created_at": lambda: [instant(tweet.created_at, _NOW_MS) for tweet in read],
        "JSON": lambda: writer.events(
            keys, identifiers, columns.probabilities, columns.topics, columns.masked, langs, instants, _AT
        ),
        "headers": lambda: cloud_event_headers(identifiers, _AT),
        "whole function": lambda: whole.score(came, loaded, _NOW_MS),
        "plain function": lambda: plain.score(came, loaded, _NOW_MS),
    }
    relax_collector()  # as the worker does
    return [_timed(name, step, batch, rounds) for name, step in steps.items()]


def _timed(name: str, step: Callable[[], object], batch: int, rounds: int) -> Step:
    step()
    took = []
    for _ in range(rounds):
        since = time.thread_time()
        step()
        took.append((time.thread_time() - since) / batch * 1e6)
    return Step(name, statistics.median(took), min(took))
