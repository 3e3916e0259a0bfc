"""Compiles what the scoring path needs, so that the first worker of a checkout starts as fast as any other.

    python -m bootstrap.compile

numba keeps the machine code beside the files, per processor; about twenty seconds of work, nothing when it is there.
"""

from __future__ import annotations

from contracts.rules_file import load_rules
from contracts.settings import Settings
from models import language
from models.annotate import Annotator
from models.artefact import load_artefact
from stream.scoring import Scorer
from stream.tweet_reading import read_values


def compile_scoring(settings: Settings) -> None:
    """Send one invented tweet through reading, the shipped model, matching, masking and writing.

    Raises:
        RulesError, ArtefactError: one line that names the file.
    """
    annotator = Annotator(load_rules(settings.rules))
    Scorer(annotator, "masked")
    language.warm()
    model = load_artefact(settings.artefact)
    annotator.annotate(model, ["@airparadis lost my bag"])
    tweets, _ = read_values([b'{"id": "1", "text": "@airparadis lost my bag"}'] * 2, [0, 0])
    annotator.columns(model, tweets.texts, langs=tweets.langs)


if __name__ == "__main__":
    compile_scoring(Settings())
