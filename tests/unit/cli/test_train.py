from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.train import app
from contracts.errors import Unavailable
from training.datasets import DataError


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", "http://127.0.0.1:1")


def test_mlflow_away_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["linear", "--data-dir", str(tmp_path)])
    assert isinstance(result.exception, Unavailable)


def test_missing_data_are_told_by_name(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["linear", "--data-dir", str(tmp_path), "--no-register"])
    assert isinstance(result.exception, DataError)
    assert "sentiment140.parquet is missing" in str(result.exception)
