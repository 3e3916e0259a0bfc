"""What the model and the function around it cost a tweet, one thread, no Kafka: each step alone, then the whole."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np

from bench.stage.functions import CameIn, PlainScorer
from bench.stage.tweets import tweets
from contracts.events import ModelRef
from contracts.rules.file import load_rules
from contracts.settings import Settings
from models.annotator import Annotator, walks_bytes
from models.base.artefact import load_artefact
from models.linear.model import HashedModel
from models.registry.champion import LoadedModel
from models.text.masking import mask_batch
from models.text.matching import Matcher
from stream.codecs.authors import AuthorKey
from stream.codecs.cloud_events import identifiers
from stream.codecs.prediction_encoder import EventBatchWriter
from stream.codecs.tweet_decoder import read_batch
from stream.kafka.records import RecordBatch
from stream.scoring.scorer import Scorer
from stream.worker.gc_tuning import relax_collector
from training.linear.hashed_classifier import HashedClassifier

_AT: Final = b"2026-11-20T10:00:00.000Z"
_NOW_MS: Final = 1_795_000_000_000
_LEAST_TEXTS: Final = 500
TWO_LABELS: Final = "model with two labels"


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
    alone = RecordBatch(records[:1], 0, None)
    read, _ = read_batch(records, _NOW_MS)
    assert read is not None, "invented tweets are readable"
    known = read
    columns = annotator.columns(model, known.texts)
    writer = EventBatchWriter(annotator, loaded.ref, "masked", AuthorKey.of())
    whole, plain = Scorer(annotator, "masked"), PlainScorer()
    one = [known.texts[0]]
    two_labels = _two_labels(known.texts.strings())
    steps: dict[str, tuple[int, Callable[[], object]]] = {
        "parse and validate": (batch, lambda: read_batch(records, _NOW_MS)),
        "model": (batch, lambda: model.predict_proba(known.texts if walks_bytes(model) else known.texts.strings())),
        TWO_LABELS: (batch, lambda: two_labels.predict_proba(known.texts)),
        "watches and themes": (batch, lambda: matcher.find_batch(known.texts)),
        "mask": (batch, lambda: mask_batch(known.texts)),
        "identifiers": (batch, lambda: identifiers(loaded.ref, known.ids)),
        "events, identifiers included": (batch, lambda: writer.write(known, columns, _AT)),
        "whole function": (batch, lambda: whole.score(came, loaded, _NOW_MS)),
        "plain function": (batch, lambda: plain.score(came, loaded, _NOW_MS)),
        "annotation of a single text": (1, lambda: annotator.annotate(model, one)),
        "whole function, a batch of one": (1, lambda: whole.score(alone, loaded, _NOW_MS)),
    }
    relax_collector()  # as the worker does
    return [_timed(name, step, texts, rounds) for name, (texts, step) in steps.items()]


def _two_labels(texts: list[str]) -> HashedModel:
    """The same scorer for negative and positive only: word 1- and 2-grams in 2**22 slots.

    What it has learnt does not change what it costs, so any labels will do.
    """
    labels = np.where(np.arange(len(texts)) % 2 == 0, "negative", "positive")
    classifier = HashedClassifier(
        polarity_longest=2, polarity_epochs=1, min_count=1, word_bits=1, word_longest=1, char_bits=0, char_longest=0
    )
    return classifier.fit(texts, labels, distant=np.ones(len(texts), bool)).model_


def _timed(name: str, step: Callable[[], object], texts: int, rounds: int) -> Step:
    step()
    took = []
    calls = max(_LEAST_TEXTS // texts, 1)  # the clock is too coarse for a single text
    for _ in range(rounds):
        since = time.thread_time()
        for _ in range(calls):
            step()
        took.append((time.thread_time() - since) / (texts * calls) * 1e6)
    return Step(name, statistics.median(took), min(took))
