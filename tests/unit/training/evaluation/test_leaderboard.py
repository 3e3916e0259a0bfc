"""The leaderboard says of each figure what it is of: how many texts, which format, which calibration error."""

from __future__ import annotations

from dataclasses import replace

from contracts.settings import ROOT
from training.evaluation.leaderboard import leaderboard
from training.evaluation.results import Result, read_results


def stored(family: str, form: str = "native") -> Result:
    return next(one for one in read_results() if one.family == family and one.format == form)


def test_the_page_is_written_from_the_stored_results() -> None:
    assert (ROOT / "docs" / "leaderboard.md").read_text(encoding="utf-8") == leaderboard(read_results())


def test_the_page_says_on_how_many_texts_they_were_measured() -> None:
    page = leaderboard(read_results())
    assert "airline 2,901, semeval 2,007, kaggle 3,302, french 427." in page
    one = leaderboard([stored("transformer", "litert-int8")])
    assert "on Sentiment140 (20,000 texts)" in one
    assert "on Sentiment140 (4,000 to " in page  # not all were measured on the same rows of it


def test_calibration_is_that_on_what_people_labelled() -> None:
    found = stored("transformer", "litert-int8")
    assert "| 0.018 / 0.025 / 0.041 |" in leaderboard([found])
    lacking = {name: report for name, report in found.metrics.items() if name != "kaggle"}
    page = leaderboard([replace(found, metrics=lacking)])
    assert "| 0.018 / 0.025 / – |" in page
    assert "kaggle none" in page


def test_those_that_are_better_than_the_champion_are_named_with_their_formats() -> None:
    page = leaderboard(read_results())
    assert "too slow or too large: minilm-l6 litert-int8." in page
