"""Which languages a model says that it knows."""

from __future__ import annotations

import pytest

from training.data.sources import Source
from training.linear.train import FEWEST, KNOWN_FROM, known_languages

SOURCES = [
    Source(file="a.parquet"),
    Source(file="b.parquet", language="fr"),
    Source(file="c.parquet", role="emoticons"),
]


def figures(recall: float, n: int = FEWEST) -> dict[str, object]:
    return {"n": n, "macro_recall": {"value": recall, "low": recall - 0.05, "high": recall + 0.05}}


@pytest.mark.parametrize(
    ("french", "known"),
    [
        (figures(KNOWN_FROM), ["en", "fr"]),
        (figures(KNOWN_FROM - 0.001), ["en"]),
        (figures(0.9, FEWEST - 1), ["en"]),  # too few to show anything
    ],
)
def test_a_language_is_known_by_enough_held_out_tweets(french: dict[str, object], known: list[str]) -> None:
    assert known_languages(SOURCES, {"a": figures(0.8), "b": french, "c": figures(0.9)}) == known
