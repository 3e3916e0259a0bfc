"""Compiles what scoring and counting need, so that the first worker of a checkout starts as fast as any other.

    python -m bootstrap.compile

numba keeps the machine code beside the files, per processor; about twenty seconds of work, nothing when it is there.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import sys

from bootstrap.compiling import STAMP
from contracts.rules.file import load_rules
from contracts.settings import Settings
from models.annotator import Annotator
from models.base.artefact import load_artefact
from models.text import language
from stream.codecs.prediction_decoder import ScoredReader
from stream.codecs.tweet_decoder import read_values
from stream.scoring.publisher import compile_bulk_producer
from stream.scoring.scorer import Scorer


def compile_scoring(settings: Settings) -> None:
    """Send one invented tweet through reading, the shipped model, matching, masking, writing and producing.

    Raises:
        RulesError, ArtefactError: one line that names the file.
    """
    annotator = Annotator(load_rules(settings.rules))
    Scorer(annotator, "masked")
    compile_bulk_producer()
    model = load_artefact(settings.artefact)
    annotator.annotate(model, ["@airparadis lost my bag"])
    tweets, _ = read_values([b'{"id": "1", "text": "@airparadis lost my bag", "lang": "en"}'] * 2, [0, 0], 0)
    annotator.columns(model, tweets.texts, langs=tweets.langs)


def compile_counting() -> None:
    """Send one invented event through reading and the digest of its text, an event that is none beside it; find the
    language of a text that does not say its own."""
    languages = language.warm()
    event = (
        b'{"tweet_id":"1","prediction_id":"p","sentiment":"negative","confidence":0.9,"scores":{"negative":0.9,'
        b'"neutral":0.1,"positive":0.0},"watches":["air-paradis"],"themes":[],"model":{"name":"m","version":"1"},'
        b'"text":"my bag is lost","lang":"en","created_at":"2026-11-20T10:00:00.000Z",'
        b'"scored_at":"2026-11-20T10:00:00.000Z"}'
    )
    ScoredReader().read([event, b"{}"], [0, 0], lambda _row, _error: None)
    languages.join()


if __name__ == "__main__":
    # Side by side: numba compiles in one thread, and a first start has nothing longer to wait for.
    counting = multiprocessing.get_context("fork").Process(target=compile_counting)
    counting.start()
    compile_scoring(Settings())
    counting.join()
    if counting.exitcode:
        sys.exit(counting.exitcode)
    with contextlib.suppress(OSError):  # an environment of somebody else's: it is compiled, only not noted
        STAMP.touch()
