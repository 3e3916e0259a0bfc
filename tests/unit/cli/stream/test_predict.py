from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.stream.predict import app
from contracts.errors import InvalidTweet
from models.linear.model import HashedModel
from tests.unit.models.hashed_samples import random_weights


@pytest.fixture(autouse=True)
def _no_servers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    HashedModel(random_weights(), {}).save(tmp_path / "shipped")
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("BUZZWATCH_LOCAL__DATA_DIR", str(tmp_path))
    monkeypatch.setenv("BUZZWATCH_ARTEFACT", str(tmp_path / "shipped"))


def test_without_mlflow_and_cache_the_shipped_model_scores_and_is_named() -> None:
    result = CliRunner().invoke(app, ["--format", "json", "@AirParadis lost my bag", "x"], catch_exceptions=False)
    first, second = json.loads(result.stdout)
    assert first["watches"] == ["air-paradis"]
    assert sum(first["scores"].values()) == pytest.approx(1, abs=1e-5)
    assert first["prediction_id"] != second["prediction_id"]
    assert first["model"]["version"] == "shipped"
    assert "the shipped one" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_lines_of_standard_input_are_scored() -> None:
    result = CliRunner().invoke(app, ["--format", "json"], input="one\n\ntwo\n" * 1200, catch_exceptions=False)
    assert len(json.loads(result.stdout)) == 2400


def test_a_table_shows_texts_as_they_are() -> None:
    result = CliRunner().invoke(app, ["[red]not markup"], catch_exceptions=False)
    assert "[red]not markup" in result.stdout


@pytest.mark.parametrize(("texts", "complaint"), [([], "no text"), (["x" * 10_001], "text 1: has 10,001 code points")])
def test_a_bad_text_gets_one_line(texts: list[str], complaint: str) -> None:
    with pytest.raises(InvalidTweet, match=complaint):
        CliRunner().invoke(app, texts, input="", catch_exceptions=False)


def test_a_byte_that_is_no_character_is_named() -> None:
    with pytest.raises(InvalidTweet, match="text 1: 0xE9, after 3 characters, is not UTF-8"):
        CliRunner().invoke(app, ["caf\udce9"], catch_exceptions=False)
