"""Retrainings over a real MLflow, of a small real model and invented tweets."""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock
import pytest

from bench.stage.site import environment
from contracts.errors import BuzzwatchError, Unavailable
from contracts.settings import Settings
from learning.labels.snapshot import SnapshotError, write_snapshot
from learning.retraining.base_model import CannotRetrain
from learning.retraining.run import Retrained, retrain
from learning.retraining.triggers import learnt_until
from models.base.artefact import load_artefact
from models.linear.model import HashedModel
from tests.integration.registering import Registering
from tests.unit.learning.retraining.telling import NEW, WORDS, labels, old_data
from tests.unit.models.hashed_samples import random_weights
from tests.unit.training.linear.small import SMALL
from training.linear.hashed_classifier import HashedClassifier
from training.registry.promotion import promote


class Retraining:
    """A champion that knows the old words, the old data, and a snapshot in new words."""

    def __init__(self, settings: Settings, registering: Registering, folder: Path) -> None:
        self.settings, self.registering = settings, registering
        self.data = old_data(folder / "data")
        rows = [json.loads(line) for line in (self.data / "old.jsonl").read_text().splitlines()]
        champion = HashedClassifier(**SMALL)
        champion.fit([row["text"] for row in rows], [row["label"] for row in rows])
        params = champion.get_params()
        self.champion = registering.version(
            model=HashedModel(champion.model_.weights, {"params": params, "metrics": {}})
        )
        registering.client.set_registered_model_alias(registering.name, "champion", self.champion)
        self.snapshot = write_snapshot(labels(400, random=range(0, 400, 2)), folder / "snapshots")

    def run(self, **more: Any) -> Retrained:
        return retrain(self.settings, self.data, **({"snapshot": self.snapshot} | more))

    def aliases(self) -> dict[str, str]:
        found = self.registering.client.get_registered_model(self.registering.name).aliases
        return {alias: str(version) for alias, version in found.items()}


@pytest.fixture
def retraining(settings: Settings, registering: Registering, tmp_path: Path) -> Retraining:
    return Retraining(settings, registering, tmp_path / "retraining-test")


def test_the_challenger_learns_the_new_words_and_forgets_none(retraining: Retraining) -> None:
    done = retraining.run()
    assert retraining.aliases() == {"champion": retraining.champion, "challenger": done.version}
    model = load_artefact(done.folder)
    champion = json.loads((done.folder / "comparisons.json").read_text())
    production = next(one for one in champion if (one["where"], one["figure"]) == ("production", "accuracy"))
    assert production["challenger"] > 0.9 > 0.6 > production["champion"]
    for words in (WORDS, NEW):
        texts = [f"the crew was {word} {word}" for name in words for word in words[name]]
        truth = [name for name in words for _ in words[name]]
        said = [("negative", "neutral", "positive")[code] for code in model.predict_proba(texts).argmax(axis=1)]
        assert sum(a == b for a, b in zip(said, truth, strict=True)) >= 0.8 * len(texts)
    assert f"Retrained from version {retraining.champion}" in done.note
    assert retraining.snapshot.name in done.note
    assert "Right now, wrong before:" in done.note
    found = retraining.registering.client.get_model_version(retraining.registering.name, done.version)
    assert found.description == done.note
    until = learnt_until(retraining.settings)
    assert until is not None
    assert until.isoformat(timespec="milliseconds") == found.tags["labels_until"]


def test_what_learns_from_a_retrained_champion_can_pass_the_gate(retraining: Retraining) -> None:
    first = retraining.run()
    promote(retraining.settings, force="the first champion of this test carries nothing to compare with")
    retraining.snapshot = write_snapshot(labels(1_200, random=range(0, 1_200, 2)), retraining.data.parent)
    second = retraining.run()
    done = promote(retraining.settings)
    assert (done.version, done.replaced) == (second.version, first.version)
    sizes = {one.where: one.n for one in done.comparisons if one.figure == "accuracy"}
    assert sizes["production"] == 200  # newer than what the first one learnt from
    assert sizes["judged"] >= 50


def test_the_same_snapshot_and_seed_give_the_same_bytes(retraining: Retraining) -> None:
    def model() -> list[bytes]:
        done = retraining.run(fresh=True)
        return [(done.folder / name).read_bytes() for name in ("weights.npz", "metadata.json", "held_out.npz")]

    assert model() == model()


KILLED = """
import os, signal, sys
from pathlib import Path
from contracts.settings import load_settings
from learning.retraining.run import retrain

data, step, *snapshot = sys.argv[1:]

def progress(line):
    if line.startswith(step):
        os.kill(os.getpid(), signal.SIGKILL)

retrain(load_settings(), Path(data), snapshot=Path(snapshot[0]) if snapshot else None, progress=progress)
"""
"""Retrains in a process of its own, which ends like one that somebody else kills where `step` begins."""


def test_kill_9_is_gone_on_behind_the_last_step_with_the_same_bytes_and_registered_once(retraining: Retraining) -> None:
    command = [sys.executable, "-c", KILLED, str(retraining.data), "to keep", str(retraining.snapshot)]
    known = environment(retraining.settings)
    ended = subprocess.run(command, env=known, capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    assert retraining.aliases() == {"champion": retraining.champion}
    snapshot = retraining.snapshot.rename(retraining.data.parent / "elsewhere.parquet")  # the run has its own
    lines: list[str] = []
    began: list[str] = []
    done = retrain(retraining.settings, retraining.data, progress=began.append, report=lines.append)
    assert any("going on with the run that was cut off" in line for line in lines)
    assert not any(line.startswith("to measure") for line in began)
    assert retraining.aliases() == {"champion": retraining.champion, "challenger": done.version}
    weights = (done.folder / "weights.npz").read_bytes()
    (done.folder.parent / "registered.json").unlink()  # killed before it was noted
    assert retrain(retraining.settings, retraining.data).version == done.version
    whole = retraining.run(snapshot=snapshot, fresh=True)
    assert (whole.folder / "weights.npz").read_bytes() == weights


@pytest.mark.parametrize("step", ["to measure", "registering"])
def test_ctrl_c_keeps_what_was_done(retraining: Retraining, step: str) -> None:
    def cut_off(line: str) -> None:
        if line.startswith(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        retraining.run(progress=cut_off)
    began: list[str] = []
    done = retrain(retraining.settings, retraining.data, progress=began.append)
    assert any(line.startswith("to keep") for line in began) is (step == "to measure")
    assert retraining.aliases() == {"champion": retraining.champion, "challenger": done.version}


def test_a_registry_that_goes_away_before_the_end_loses_nothing(retraining: Retraining) -> None:
    mlflow = retraining.settings.mlflow
    there = mlflow.tracking_uri

    def goes_away(line: str) -> None:
        if line == "registering":
            mlflow.tracking_uri = "http://127.0.0.1:1"

    with pytest.raises(Unavailable, match="what was trained is kept, and the same command registers it"):
        retraining.run(progress=goes_away)
    mlflow.tracking_uri = there
    began: list[str] = []
    done = retraining.run(progress=began.append)
    assert began == ["reading the data", "registering"]
    assert retraining.aliases()["challenger"] == done.version


@pytest.mark.parametrize("step", ["to measure", "comparing", "to keep"])
def test_a_full_disk_is_one_line_and_costs_nothing_that_was_done(retraining: Retraining, step: str) -> None:
    def fills_up(line: str) -> None:
        if line.startswith(step):
            resource.setrlimit(resource.RLIMIT_FSIZE, (64, most))  # bytes that a file may have from now on

    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with pytest.raises(CannotRetrain, match=r": File too large; make room and run it again") as raised:
            retraining.run(progress=fills_up)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    assert "\n" not in str(raised.value)
    assert retraining.aliases() == {"champion": retraining.champion}
    began: list[str] = []
    done = retrain(retraining.settings, retraining.data, progress=began.append)
    assert any(line.startswith("to measure") for line in began) is (step == "to measure")
    assert retraining.aliases()["challenger"] == done.version


def test_a_disk_that_is_full_before_the_champion_is_here_is_one_line(retraining: Retraining) -> None:
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64, most))
    try:
        with pytest.raises(
            Unavailable, match=r"cannot be kept in .*: File too large; make room and try again$"
        ) as raised:
            retraining.run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))
    assert len(str(raised.value)) < 200


def test_two_at_once_are_refused(retraining: Retraining) -> None:
    folder = retraining.settings.local.data_dir / "retraining"
    folder.mkdir(parents=True)
    with filelock.FileLock(folder / "lock"), pytest.raises(CannotRetrain, match="another retraining runs"):
        retraining.run()


def _of_another_family(retraining: Retraining) -> None:
    version = retraining.registering.version(noted={"family": "transformer"})
    retraining.registering.client.set_registered_model_alias(retraining.registering.name, "champion", version)


def _few(retraining: Retraining) -> None:
    retraining.snapshot = write_snapshot(labels(10), retraining.data.parent)


def _damaged(retraining: Retraining) -> None:
    retraining.snapshot.write_bytes(b"PAR1")


def _no_old_data(retraining: Retraining) -> None:
    (retraining.data / "old.jsonl").unlink()


@pytest.mark.parametrize(
    ("harm", "error", "said"),
    [
        (_few, CannotRetrain, "has 10 labels: from 50 on"),
        (_damaged, SnapshotError, "damaged"),
        (_no_old_data, BuzzwatchError, "holds no labelled file"),
        (_of_another_family, CannotRetrain, "is of the family 'transformer'"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_registers_nothing(
    retraining: Retraining, harm: Callable[[Retraining], None], error: type[Exception], said: str
) -> None:
    harm(retraining)
    with pytest.raises(error, match=said) as raised:
        retraining.run()
    assert "\n" not in str(raised.value)
    assert "challenger" not in retraining.aliases()


def test_without_mlflow_nothing_begins(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="MLflow"):
        retrain(settings, old_data(tmp_path / "data"))


def test_a_model_of_random_weights_is_a_base_too(settings: Settings, registering: Registering, tmp_path: Path) -> None:
    version = registering.version(model=HashedModel(random_weights(1), {"metrics": {}}))
    registering.client.set_registered_model_alias(registering.name, "champion", version)
    snapshot = write_snapshot(labels(60), tmp_path / "snapshots")
    done = retrain(settings, old_data(tmp_path / "data"), snapshot=snapshot)
    assert "Too few texts that were drawn by chance" in done.note
