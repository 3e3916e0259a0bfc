from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.errors import SettingsError, Unavailable
from tests.unit.training.data.test_datasets import folder_of
from training.data.sources import SourcesError
from training.evaluation.results import read_results


@pytest.fixture(autouse=True)
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUZZWATCH_MLFLOW__TRACKING_URI", "http://127.0.0.1:1")


def test_mlflow_away_is_told_before_anything_is_trained(tmp_path: Path) -> None:
    from cli.training.train import app

    result = CliRunner().invoke(app, ["linear", "--data-dir", str(tmp_path)])
    assert isinstance(result.exception, Unavailable)


def test_a_folder_without_labelled_files_is_named(tmp_path: Path) -> None:
    from cli.training.train import app

    result = CliRunner().invoke(app, ["linear", "--data-dir", str(tmp_path), "--no-register"])
    assert isinstance(result.exception, SourcesError)
    assert f"{tmp_path} holds no labelled file" in str(result.exception)


def test_the_folder_of_the_data_is_asked_for() -> None:
    from cli.training.train import app

    result = CliRunner().invoke(app, ["linear", "--no-register"])
    assert result.exit_code == 2
    assert "--data-dir" in result.stderr


@pytest.mark.parametrize("option", ["--out", "--alias"])
def test_an_artefact_of_a_model_that_is_measured_only_is_refused_before_anything_is_trained(
    tmp_path: Path, option: str
) -> None:
    from cli.training.train import app

    asked = ["linear", "--model", "tfidf-lr", "--data-dir", str(tmp_path), "--no-register", option, "trial"]
    result = CliRunner().invoke(app, asked)
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == f"{option}: tfidf-lr is measured only, no artefact is kept of it"


def test_a_folder_without_results_leaves_the_pages_as_they_are(tmp_path: Path) -> None:
    from cli.training.train import app

    (tmp_path / "leaderboard.md").write_text("as it was")
    result = CliRunner().invoke(app, ["leaderboard", "--results", str(tmp_path / "no"), "--docs", str(tmp_path)])
    assert isinstance(result.exception, SettingsError)
    assert "no stored results there" in str(result.exception)
    assert (tmp_path / "leaderboard.md").read_text() == "as it was"


def test_the_pages_are_written_into_a_new_folder_and_not_into_a_file(tmp_path: Path) -> None:
    from cli.training.train import app

    assert CliRunner().invoke(app, ["leaderboard", "--docs", str(tmp_path / "new")]).exit_code == 0
    page = tmp_path / "new" / "leaderboard.md"
    assert page.is_file()
    result = CliRunner().invoke(app, ["leaderboard", "--docs", str(page)])
    assert isinstance(result.exception, SettingsError)
    assert str(result.exception) == f"--docs {page}: File exists"


def test_figures_of_one_training_are_kept_for_the_leaderboard(tmp_path: Path) -> None:
    from cli.training.train import app

    (tmp_path / "data").mkdir()
    asked = ["linear", "--model", "tfidf-lr", "--rows", "100", "--no-register", "--results", str(tmp_path / "kept")]
    CliRunner().invoke(app, [*asked, "--data-dir", str(folder_of(tmp_path / "data"))], catch_exceptions=False)
    [row] = read_results(tmp_path / "kept")
    assert (row.member, row.distant_rows) == ("tfidf-lr", 100)
    assert row.command == "buzzwatch train linear --model tfidf-lr --rows 100"
