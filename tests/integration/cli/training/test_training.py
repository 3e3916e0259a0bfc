"""Training on anybody's labelled files, by the real command line."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from contracts.settings import ROOT
from tests import commands
from tests.unit.training.deep.invented import tweets, write_data
from tests.waiting import until

THREE = ["negative", "neutral", "positive"]


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`buzzwatch` in a folder of its own, without an MLflow."""
    return commands.said(*arguments, cwd=cwd, env=env(**environment), imported=commands.TRAINING)


def env(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "BUZZWATCH_DATA_DIR"}
    return {**kept, "PYTHONPATH": str(ROOT), "BUZZWATCH_MLFLOW__TRACKING_URI": "http://127.0.0.1:1", **more}


def own(folder: Path, name: str, count: int, seed: int = 0) -> Path:
    """A labelled CSV of invented tweets."""
    folder.mkdir(exist_ok=True)
    texts, labels = tweets(count, THREE, seed)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "label"])
        writer.writerows(zip(texts, labels, strict=True))
    return folder


def test_one_labelled_file_of_any_name_makes_a_model_that_serves(tmp_path: Path) -> None:
    data = own(tmp_path / "own", "shop.csv", 400)
    done = run(
        "train", "linear", "--data-dir", str(data), "--no-register", "--out", "model", "--format", "json", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "shop: 400 rows (negative 134, neutral 133, positive 133), labels by people" in done.stderr
    figures = json.loads(done.stdout)
    assert figures["shop"]["accuracy"]["value"] > 0.8
    measured = run("evaluate", "--data", str(data / "shop.csv"), "--model", "model", "--format", "json", cwd=tmp_path)
    assert json.loads(measured.stdout)["n"] == 400


def test_a_yaml_in_the_folder_of_a_setting_gives_names_weights_and_roles_and_says_what_is_not_used(
    tmp_path: Path,
) -> None:
    data = own(own(own(tmp_path / "own", "a.csv", 300), "b.csv", 90, 1), "c.csv", 30, 2)
    (data / "sources.yaml").write_text(
        "files:\n  - {file: a.csv, name: shop, weight: 2}\n  - {file: b.csv, name: later, role: test}\n"
    )
    asked = ("train", "linear", "--no-register", "--format", "json")
    done = run(*asked, cwd=tmp_path, BUZZWATCH_DATA_DIR=str(data))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["later"]["n"] == 90
    assert "c.csv is not described, so it is not used" in done.stderr
    (data / "sources.yaml").write_text("files:\n  - {file: a.csv, wieght: 2}\n")
    wrong = run("train", "linear", "--data-dir", str(data), "--no-register", cwd=tmp_path)
    assert wrong.returncode != 0
    assert wrong.stderr.strip().count("\n") == 0
    assert "files.0.wieght" in wrong.stderr


def test_no_command_looks_for_data_outside_the_folder_that_is_named(tmp_path: Path) -> None:
    for arguments in (("train", "linear"), ("train", "compare"), ("train", "recurrent")):
        done = run(*arguments, cwd=tmp_path)
        assert done.returncode == 2, arguments
        assert "--data" in done.stderr
    assert "name files, or a folder with --data-dir" in run("data", "profile", cwd=tmp_path).stderr


@pytest.mark.parametrize(
    ("family", "member"), [("trees", "svd-lightgbm"), ("vectors", "word2vec-lr"), ("linear", "tfidf-lr")]
)
def test_a_model_that_is_measured_only_is_announced_before_it_is_trained(
    tmp_path: Path, family: str, member: str
) -> None:
    # An empty folder: the training itself never begins.
    from cli.training.train import app

    done = CliRunner().invoke(app, [family, "--model", member, "--data-dir", str(tmp_path), "--no-register"])
    assert (
        done.stderr.splitlines()[0] == f"{member} is measured only: figures are shown, no model is kept or registered"
    )


@pytest.mark.timeout(900)  # an import of TensorFlow and four trainings
def test_experiments_take_hyper_parameters_and_members_of_every_family(tmp_path: Path) -> None:
    data = own(tmp_path / "own", "shop.csv", 300)
    (tmp_path / "mine.yaml").write_text(
        "experiments:\n"
        "  - {member: tfidf-lr, C: 0.5}\n"
        "  - {member: tfidf-lr, C: 4}\n"
        "  - {member: dense, rows: 640, units: 8, batch: 64, vocabulary: 200, vector_epochs: 1}\n"
    )
    asked = ("train", "compare", "--data-dir", str(data), "--experiments", "mine.yaml", "--results", "results")
    done = run(*asked, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kept = [json.loads(path.read_text()) for path in sorted((tmp_path / "results").iterdir())]
    assert sorted(one["params"].get("head__C", 0) for one in kept) == [0, 0.5, 4]
    assert next(one for one in kept if one["member"] == "dense")["params"]["units"] == 8
    (tmp_path / "mine.yaml").write_text("experiments: [{member: tfidf-lr, c: 0.5}]\n")
    wrong = run(*asked, cwd=tmp_path)
    assert wrong.returncode != 0
    assert "tfidf-lr has no parameter c: is C meant?" in wrong.stderr


SMALL = ("--model", "dense", "--units", "8", "--batch", "32", "--vocabulary", "200", "--rows", "100000000")


def ended(how: signal.Signals, asked: tuple[str, ...], when: Callable[[], bool], cwd: Path, **environment: str) -> int:
    """Start a training, end it once it has come so far; its exit status."""
    training = commands.Command(*asked, cwd=cwd, env=env(**environment), imported=commands.TRAINING)
    try:
        until(lambda: not training.runs or when(), 400)
        assert training.runs, training.end().stderr.decode()
        training.kill(how)
    except BaseException:
        training.kill()
        raise
    return training.end(60).returncode


@pytest.mark.timeout(900)
def test_a_network_goes_on_where_it_was_killed(tmp_path: Path) -> None:
    data, work = write_data(tmp_path / "data"), tmp_path / "runs" / "mine"
    asked = ("train", "recurrent", "--data-dir", str(data), "--work", str(work), "--no-register", *SMALL)

    def step() -> int:
        state = work / "state.json"
        return int(json.loads(state.read_text())["step"]) if state.is_file() else 0

    def kill_after(at_least: int) -> int:
        often = {"BUZZWATCH_TRAINING__CHECKPOINT_EVERY_S": "0.5"}
        ended(signal.SIGKILL, asked, lambda: step() > at_least, tmp_path, **often)
        return step()

    first = kill_after(0)
    assert kill_after(first) > first
    assert [path.name for path in work.parent.iterdir()] == [work.name]  # nothing outside its folder


@pytest.mark.timeout(900)
def test_a_network_that_is_told_to_end_keeps_what_it_has_learnt_since_its_last_checkpoint(tmp_path: Path) -> None:
    data, work = write_data(tmp_path / "data"), tmp_path / "mine"
    asked = ("train", "recurrent", "--data-dir", str(data), "--work", str(work), "--no-register", *SMALL)
    status = ended(signal.SIGTERM, asked, (work / "progress.jsonl").is_file, tmp_path)
    assert status == 128 + signal.SIGTERM
    assert json.loads((work / "state.json").read_text())["step"] > 0
