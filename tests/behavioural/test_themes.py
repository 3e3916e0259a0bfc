"""What the shipped model makes of tweets that praise one thing and blame another; docs/decisions/themes.md says more.

The sentences are invented, 300 in two halves: the rules of `models.themes` were chosen on the first alone.
"""

from __future__ import annotations

import csv
from pathlib import Path

from contracts.rules.file import load_rules
from contracts.settings import Settings
from models.annotator import Annotator
from models.base.artefact import load_artefact

_DATA = Path(__file__).parent / "data"


def right(half: str) -> list[bool]:
    """Of each sentence: whether both of its themes have the right sentiment."""
    with (_DATA / f"two_sided_{half}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 150
    settings = Settings()
    annotations = Annotator(load_rules(settings.rules)).annotate(
        load_artefact(settings.artefact), [row["text"] for row in rows]
    )
    return [
        all(annotation.theme_sentiments.get(row[one]) == row[f"{one}_sentiment"] for one in ("first", "second"))
        for row, annotation in zip(rows, annotations, strict=True)
    ]


def test_three_of_four_sentences_with_two_sides_are_right_about_both() -> None:
    development, reported = right("development"), right("reported")
    assert sum(development + reported) / 300 >= 0.75
    assert sum(reported) / 150 >= 0.7
