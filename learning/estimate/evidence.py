"""What a registered version carries about itself: its held-out predictions and how its answers were spread there."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import NamedTuple

from alerts.detectors.drift import Reference
from contracts.errors import ArtefactError
from contracts.settings import Settings
from learning.estimate.cbpe import Calibration, NoReference
from models.base.artefact import METADATA
from models.registry.client import Registry
from training.evaluation.held_out import HeldOut


class Evidence(NamedTuple):
    """Of one version."""

    version: str
    held_out: HeldOut
    calibration: Calibration
    reference: Reference | None


def evidence(settings: Settings, which: str) -> Evidence:
    """Read it from MLflow.

    Args:
        which: a version number or an alias.

    Raises:
        Unavailable: MLflow cannot be reached. NoChampion: there is no such version.
        NoReference, ArtefactError: it carries nothing that can be used.
    """
    registry = Registry(settings.mlflow)
    try:
        version = registry.named(which)
        with tempfile.TemporaryDirectory() as scratch:
            registry.download(version, Path(scratch))
            found = sorted(Path(scratch).rglob(METADATA), key=lambda path: len(path.parts))
            if not found:
                raise ArtefactError(f"version {version.version} holds no {METADATA}: not a model of buzzwatch")
            held_out = HeldOut.load(found[0].parent)
            if held_out is None:
                raise NoReference(
                    f"version {version.version} carries no held-out predictions: nothing says how good it is, or where"
                )
            try:
                reference = Reference.of(json.loads(found[0].read_text("utf-8")))
            except (ValueError, AttributeError):
                reference = None
            return Evidence(version.version, held_out, Calibration.of(held_out), reference)
    finally:
        registry.close()
