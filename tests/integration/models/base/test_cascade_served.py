"""A cascade in the registry: whole it serves, without its deep tier it serves and is reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from contracts.settings import Settings
from models.base.artefact import METADATA
from models.cascade import CascadeModel
from models.linear.model import HashedModel
from models.registry.champion import Champion
from tests.integration.registering import Registering
from tests.unit.models.deep.tiny import tiny_model
from tests.unit.models.hashed_samples import random_weights

NOTED = {"threshold": 0.9, "blend": 1.0, "budget_s": 0.1, "patience_s": 5.0}


@pytest.mark.parametrize("broken", [False, True])
def test_a_cascade_serves_and_a_missing_deep_tier_is_a_failure_that_is_told(
    settings: Settings, mlflow_uri: str, tmp_path: Path, broken: bool
) -> None:
    registering = Registering(settings, tmp_path)
    registering.create()
    folder = tmp_path / "files" / "artifacts" / "linear"
    CascadeModel(HashedModel(random_weights(1), {}), tiny_model(), NOTED).save(folder)
    if broken:
        noted = json.loads((folder / METADATA).read_text())
        del noted["metadata_sha256"]
        noted["parts"]["deep"]["runtime"] = "of tomorrow"
        (folder / METADATA).write_text(json.dumps(noted))
    run = registering.client.create_run(registering.client.create_experiment(f"cascade-{broken}-{registering.name}"))
    registering.client.log_artifacts(run.info.run_id, str(tmp_path / "files"), "model")
    source = f"{run.info.artifact_uri}/model"
    registering.promote(str(registering.client.create_model_version(registering.name, source, run.info.run_id).version))

    champion = Champion(settings)
    loaded = champion.load()
    assert loaded.model.predict_proba(["love the gate"]).shape == (1, 3)
    if broken:
        assert "'of tomorrow'" in str(champion.failure)
    else:
        assert champion.failure is None
