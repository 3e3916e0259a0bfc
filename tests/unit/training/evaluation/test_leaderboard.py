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


def test_a_row_says_how_many_texts_it_was_measured_on() -> None:
    deep, linear = leaderboard([stored("student", "litert-int8")]), leaderboard([stored("trees")])
    assert "| 2,901 / 2,007 / 20,000 |" in deep
    assert "| 2,901 / 2,007 / 74,972 |" in linear


def test_the_calibration_on_sentiment140_is_that_of_negative_and_positive_rescaled() -> None:
    found = stored("student", "litert-int8")
    assert "| 0.013 / 0.018 / 0.028 |" in leaderboard([found])
    lacking = {
        name: {key: value for key, value in report.items() if key != "binary_ece"}
        for name, report in found.metrics.items()
    }
    assert "| 0.013 / 0.018 / – |" in leaderboard([replace(found, metrics=lacking)])


def test_those_that_are_better_than_the_champion_are_named_with_their_formats() -> None:
    page = leaderboard(read_results())
    assert "too slow or too large: minilm-l6 onnx, minilm-l6 litert-int8." in page
