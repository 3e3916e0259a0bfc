from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.training.evaluate import app
from contracts.errors import ArtefactError, Unavailable
from contracts.settings import Settings
from training.data.datasets import DataError

ROWS = [
    {"text": "@AirParadis worst airline ever, you lost my bag", "label": "negative"},
    {"text": "thank you, wonderful crew, I love this airline", "label": "positive"},
    {"text": "when does the gate for flight 12 open?", "label": "neutral"},
]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "tweets.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in ROWS))
    return path


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("BUZZWATCH_MLFLOW__CACHE_DIR", str(tmp_path / "cache"))


def test_json_is_the_report_alone_on_standard_output(data: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(data), "--format", "json", "--model", str(Settings().artefact)])
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["n"] == 3
    assert report["recall"]["negative"]["value"] == 1
    assert report["recall"]["positive"]["value"] == 1
    assert set(report["recall"]) == {"negative", "neutral", "positive"}


def test_the_shipped_model_is_measured_when_mlflow_is_away(data: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(data)])
    assert result.exit_code == 0
    assert "the shipped model" in result.stderr
    assert "macro_recall" in result.stdout


def test_the_explanations_can_be_tested_instead(data: Path, tmp_path: Path) -> None:
    asked = ["--model", str(Settings().artefact), "--deletion", "2"]
    result = CliRunner().invoke(app, ["--data", str(data), *asked, "--format", "json"], catch_exceptions=False)
    report = json.loads(result.stdout)
    assert report["n"] == 2
    assert report["explained"] >= report["random"] >= 0
    assert "at random" in CliRunner().invoke(app, ["--data", str(data), *asked]).stdout
    short = tmp_path / "short.jsonl"
    short.write_text(json.dumps({"text": "bad meal", "label": "negative"}))
    result = CliRunner().invoke(app, ["--data", str(short), *asked])
    assert isinstance(result.exception, DataError)
    assert str(result.exception) == f"{short}: no text has enough words for a deletion test"


def test_what_is_wrong_is_raised_as_an_error_of_ours(data: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "none.csv")])
    assert isinstance(result.exception, DataError)
    result = CliRunner().invoke(app, ["--data", str(data), "--model", str(tmp_path)])
    assert isinstance(result.exception, ArtefactError)


def test_a_version_of_mlflow_that_is_away_is_told_in_one_line_at_once(data: Path) -> None:
    result = CliRunner().invoke(app, ["--data", str(data), "--model", "models:/sentiment/3"])
    assert isinstance(result.exception, Unavailable)
    assert str(result.exception).startswith("MLflow at http://127.0.0.1:1: connection refused (start it")
