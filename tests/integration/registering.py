"""Registers small real models in a real MLflow, the way training does and the way anybody could."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.settings import Settings
from models.base.artefact import METADATA
from models.base.sentiment import SentimentModel
from models.linear.model import HashedModel
from tests.unit.models.hashed_samples import random_weights
from training.evaluation.held_out import HeldOut


class Registering:
    """Adds versions to the model of `settings` and moves its alias."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        from mlflow import MlflowClient  # two seconds of every process that collects tests

        uri = settings.mlflow.tracking_uri
        self.client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self.name = settings.mlflow.model_name
        self._alias = settings.mlflow.alias
        self._folder = folder
        self._seed = 0
        self._experiment = self.client.create_experiment(self.name)

    def create(self) -> None:
        self.client.create_registered_model(self.name)

    def version(
        self,
        *,
        damaged: bool = False,
        noted: Mapping[str, Any] | None = None,
        text: str = "",
        model: SentimentModel | None = None,
        held_out: HeldOut | None = None,
    ) -> str:
        """Register another model; each scores differently.

        Args:
            noted: goes over the metadata, whose checksum is left out then.
            text: stands in place of the metadata.
            model: instead of a small random one.
            held_out: the predictions that it carries; none when not given.
        """
        self._seed += 1
        folder = self._folder / f"model-{self._seed}" / "artifacts" / "linear"
        metadata = {"metrics": {"accuracy": 0.5}, "trained_on": f"seed {self._seed}"}
        (model or HashedModel(random_weights(self._seed), metadata)).save(folder)
        if held_out is not None:
            held_out.save(folder)
        if damaged:
            (folder / "weights.npz").write_bytes(b"damaged")
        if noted is not None or text:
            metadata_file = folder / METADATA
            metadata = json.loads(metadata_file.read_text()) | dict(noted or {})
            del metadata["metadata_sha256"]
            metadata_file.write_text(text or json.dumps(metadata))
        run = self.client.create_run(self._experiment)
        self.client.log_artifacts(run.info.run_id, str(folder.parent.parent), "model")
        source = f"{run.info.artifact_uri}/model"
        return str(self.client.create_model_version(self.name, source, run.info.run_id).version)

    def promote(self, version: str) -> None:
        self.client.set_registered_model_alias(self.name, self._alias, version)
