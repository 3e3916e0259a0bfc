"""Fixtures for tests with real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from contracts.settings import Settings
from tests.integration.registering import Registering


@pytest.fixture
def registering(settings: Settings, mlflow_uri: str, tmp_path: Path) -> Registering:
    """The model of `settings` in a real MLflow, without a version."""
    registering = Registering(settings, tmp_path / "registering")
    registering.create()
    return registering
