"""The registry on PostgreSQL with an S3-compatible store, as docs/kubernetes.md has it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from contracts.settings import MlflowSettings, Settings
from models.base.artefact import METADATA, load_artefact
from models.registry.champion import Champion
from tests.registry_servers import bucket, objects, postgres, registry
from tests.waiting import until
from training.registry.register import register_artefact, seed_registry


def test_a_champion_is_registered_promoted_and_followed(settings: Settings, tmp_path: Path) -> None:
    texts = ["@AirParadis lost my bag again", "thanks, lovely crew"]
    with postgres() as database, bucket(tmp_path) as s3, registry(tmp_path, database, s3) as address:
        settings.mlflow = MlflowSettings(tracking_uri=address, poll_interval_s=0.1, cache_dir=tmp_path / "cache")
        assert seed_registry(settings)
        champion = Champion(settings)
        champion.start()
        try:
            assert champion.current.ref.version == "1"
            shipped = load_artefact(settings.artefact).predict_proba(texts)
            np.testing.assert_array_equal(champion.current.model.predict_proba(texts), shipped)
            promoted = register_artefact(settings, settings.artefact, alias=settings.mlflow.alias)
            until(lambda: champion.current.ref.version == promoted)
        finally:
            champion.stop()
        kept = [name for name in objects(s3) if name.endswith(f"/{METADATA}")]
        assert len(kept) == 2, objects(s3)
