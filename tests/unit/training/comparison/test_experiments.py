from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.unit.training.data.test_datasets import folder_of
from training.comparison.experiments import ExperimentsError, load_experiments
from training.evaluation.leaderboard import champion_of, leaderboard
from training.evaluation.results import ResultsError, read_results
from training.linear.model_zoo import FAMILIES, MEMBERS


def test_the_shipped_experiments_name_every_member_once() -> None:
    names = [experiment.member for experiment in load_experiments()]
    assert sorted(names) == sorted(MEMBERS)
    assert {MEMBERS[name].family for name in names} == set(FAMILIES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("experiments: [{member: gpt}]", "member 'gpt' is none of hashed, tfidf-lr, .*bigru"),
        ("experiments: [{member: hashed, row: 3}]", "hashed has no parameter row: is rows meant"),
        ("experiments: [{member: tfidf-lr, C: high}]", "C: 'high' where the usual value is 2.0"),
        ("experiments: [{member: bigru, unit: 3}]", "bigru has no parameter unit: is units meant"),
        ("experiments: [{member: svd-forest, C: 1}]", "svd-forest has no parameter C"),
        ("experiments: []", "experiments"),
        ("- a: [", "not YAML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(ExperimentsError, match=message) as error:
        load_experiments(path)
    assert "\n" not in str(error.value)
    assert str(path) in str(error.value)


def test_a_comparison_goes_on_where_it_was_interrupted(tmp_path: Path) -> None:
    from cli.training.train import app

    experiments, results = tmp_path / "mine.yaml", tmp_path / "results"
    (tmp_path / "data").mkdir()
    folder = folder_of(tmp_path / "data")
    experiments.write_text("experiments: [{member: tfidf-lr, rows: 100}]")
    arguments = ["compare", "--experiments", str(experiments), "--data-dir", str(folder), "--results", str(results)]
    first = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "tfidf-lr: done" in first.stderr
    kept = (results / "linear-tfidf-lr-rows100.native.json").read_bytes()
    experiments.write_text("experiments: [{member: tfidf-lr, rows: 100}, {member: hashed, heads: 1}]")
    second = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "tfidf-lr: done" not in second.stderr
    assert "hashed: done" in second.stderr
    assert (results / "linear-tfidf-lr-rows100.native.json").read_bytes() == kept
    rows = read_results(results)
    assert [row.member for row in rows] == ["hashed", "tfidf-lr"]
    assert rows[0].distant_rows > rows[1].distant_rows == 100
    experiments.write_text("experiments: [{member: tfidf-lr, rows: 120}, {member: tfidf-lr, rows: 100, seed: 1}]")
    third = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert third.stderr.count("tfidf-lr: done") == 2  # other experiments, although of the same member
    names = {path.name for path in results.iterdir()} - {"linear-hashed-heads1.native.json"}
    assert names == {f"linear-tfidf-lr-rows{name}.native.json" for name in ("100", "120", "100-seed1")}
    assert rows[1].command == "buzzwatch train linear --model tfidf-lr --rows 100"
    page = leaderboard(rows)
    assert "`buzzwatch train compare with {member: hashed, heads: 1}`" in page
    assert champion_of(rows) in (rows[0], None)


def test_hyper_parameters_make_another_experiment(tmp_path: Path) -> None:
    from cli.training.train import app

    experiments, results = tmp_path / "mine.yaml", tmp_path / "results"
    (tmp_path / "data").mkdir()
    folder = folder_of(tmp_path / "data")
    experiments.write_text("experiments: [{member: tfidf-lr, C: 0.5}, {member: hashed, heads: 1, rows: 100}]")
    arguments = ["compare", "--experiments", str(experiments), "--data-dir", str(folder), "--results", str(results)]
    CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert {path.name for path in results.iterdir()} == {
        "linear-tfidf-lr-C0.5.native.json",
        "linear-hashed-rows100-heads1.native.json",
    }
    kept = {row.member: row for row in read_results(results)}
    assert kept["hashed"].params["heads"] == 1
    assert kept["tfidf-lr"].params["head__C"] == 0.5
    again = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert "done" not in again.stderr


def test_a_value_that_a_learner_refuses_is_one_line(tmp_path: Path) -> None:
    from cli.training.train import app

    experiments = tmp_path / "mine.yaml"
    (tmp_path / "data").mkdir()
    folder = folder_of(tmp_path / "data")
    experiments.write_text("experiments: [{member: tfidf-lr, C: -1}]")
    arguments = ["compare", "--experiments", str(experiments), "--data-dir", str(folder), "--results", str(tmp_path)]
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ExperimentsError)
    assert "tfidf-lr-C-1: " in str(result.exception)
    assert "\n" not in str(result.exception)


def test_a_damaged_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.native.json").write_text("{}")
    with pytest.raises(ResultsError, match=r"a\.native\.json"):
        read_results(tmp_path)
