"""What the champion's cache keeps."""

from __future__ import annotations

import shutil

import pytest

from contracts.errors import Unavailable
from contracts.settings import Settings
from models.registry.champion import Champion
from tests.integration.registering import Registering


def test_only_the_last_versions_are_kept(settings: Settings, registering: Registering) -> None:
    versions = [registering.version() for _ in range(7)]
    for version in versions:
        registering.promote(version)
        Champion(settings).load()
    kept = sorted(path.parent.name for path in settings.champion_cache.glob("*/origin"))
    assert kept == [f"{registering.name}-{version}" for version in versions[-5:]]


def test_a_cache_that_cannot_be_written_is_named(settings: Settings, registering: Registering) -> None:
    registering.promote(registering.version())
    shutil.rmtree(settings.champion_cache, ignore_errors=True)
    settings.champion_cache.write_text("a file where the folder should be")
    with pytest.raises(Unavailable, match="BUZZWATCH_MLFLOW__CACHE_DIR"):
        Champion(settings).load()
