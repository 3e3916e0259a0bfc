"""The registry comes back from a backup, as docs/upgrade.md has it."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

from contracts.settings import MlflowSettings, Settings
from models.registry.champion import Champion
from tests.integration.registering import Registering
from tests.servers import RunningServer


def test_a_registry_is_restored_from_a_copy_of_its_database_and_artefacts(
    own_mlflow: RunningServer, settings: Settings, tmp_path: Path
) -> None:
    settings = settings.model_copy(
        update={
            "mlflow": MlflowSettings(
                tracking_uri=own_mlflow.address, model_name=settings.mlflow.model_name, cache_dir=tmp_path / "cache"
            )
        }
    )
    registering = Registering(settings, tmp_path / "registering")
    registering.create()
    version = registering.version()
    registering.promote(version)
    folder, backup = own_mlflow.data_dir / "mlflow", tmp_path / "backup"
    backup.mkdir()
    with sqlite3.connect(folder / "mlflow.db") as database, sqlite3.connect(backup / "mlflow.db") as copy:
        database.backup(copy)  # while the server runs
    shutil.copytree(folder / "artifacts", backup / "artifacts")
    registering.promote(registering.version())
    own_mlflow.kill()
    for name in ("mlflow.db", "mlflow.db-wal", "mlflow.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / "artifacts")
    shutil.copy(backup / "mlflow.db", folder / "mlflow.db")
    shutil.copytree(backup / "artifacts", folder / "artifacts")
    own_mlflow.start()
    loaded = Champion(settings).load()
    assert loaded.ref.version == version
    assert loaded.model.predict_proba(["lost my bag"]).shape == (1, 3)
