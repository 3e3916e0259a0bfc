"""Registers small real models in a real MLflow, the way training does and the way anybody could."""

from __future__ import annotations

from pathlib import Path

from mlflow import MlflowClient

from contracts.settings import Settings
from models.hashed import HashedModel
from tests.unit.models.hashed_samples import random_weights


class Registering:
    """Adds versions to the model of `settings` and moves its alias."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        uri = settings.mlflow.tracking_uri
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.name = settings.mlflow.model_name
        self._alias = settings.mlflow.alias
        self._folder = folder
        self._seed = 0
        self._experiment = self.client.create_experiment(self.name)

    def create(self) -> None:
        self.client.create_registered_model(self.name)

    def version(self, *, damaged: bool = False) -> str:
        """Register another model; each scores differently."""
        self._seed += 1
        folder = self._folder / f"model-{self._seed}" / "artifacts" / "linear"
        metadata = {"metrics": {"accuracy": 0.5}, "trained_on": f"seed {self._seed}"}
        HashedModel(random_weights(self._seed), metadata).save(folder)
        if damaged:
            (folder / "weights.npz").write_bytes(b"damaged")
        run = self.client.create_run(self._experiment)
        self.client.log_artifacts(run.info.run_id, str(folder.parent.parent), "model")
        source = f"{run.info.artifact_uri}/model"
        return str(self.client.create_model_version(self.name, source, run.info.run_id).version)

    def promote(self, version: str) -> None:
        self.client.set_registered_model_alias(self.name, self._alias, version)
