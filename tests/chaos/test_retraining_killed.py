"""`kill -9` of `buzzwatch retrain` at random moments, until it comes to its end."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench.stage.site import environment
from contracts.settings import Settings
from tests.integration.learning.test_retraining import Retraining
from tests.integration.registering import Registering

FIRST_S, LONGER = 4.0, 1.15
"""It is killed within so many seconds, and each time may take longer."""


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_retraining_killed_at_random_moments_comes_to_its_end_and_registers_once(
    settings: Settings, mlflow_uri: str, tmp_path: Path, chance: random.Random
) -> None:
    registering = Registering(settings, tmp_path / "registering")
    registering.create()
    retraining = Retraining(settings, registering, tmp_path / "retraining")
    command = [sys.executable, "-m", "cli.main", "retrain", "--data-dir", str(retraining.data)]
    within, killed = FIRST_S, 0
    more = ["--snapshot", str(retraining.snapshot)]
    while True:
        running = subprocess.Popen([*command, *more], env=environment(settings), stderr=subprocess.PIPE, text=True)
        try:
            _, said = running.communicate(timeout=chance.uniform(0.5, 1) * within)
            break
        except subprocess.TimeoutExpired:
            running.send_signal(signal.SIGKILL)
            running.communicate()
        killed, within = killed + 1, within * LONGER
        assert retraining.aliases()["champion"] == retraining.champion
        if list((settings.local.data_dir / "retraining").glob("*/plan.json")):
            more = []  # as somebody would who starts it again: the run knows its snapshot
    assert running.returncode == 0, said
    assert killed >= 3
    versions = registering.client.search_model_versions(f"name = '{registering.name}'")
    assert sorted(int(one.version) for one in versions) == [1, 2]
    assert retraining.aliases() == {"champion": "1", "challenger": "2"}
    weights = next((settings.local.data_dir / "retraining").glob("*/artefact/weights.npz")).read_bytes()
    whole = retraining.run(fresh=True)
    assert (whole.folder / "weights.npz").read_bytes() == weights
