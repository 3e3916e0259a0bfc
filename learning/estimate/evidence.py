"""What a registered version carries about itself: its held-out predictions and how its answers were spread there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from alerts.detectors.drift import Reference
from contracts.errors import ArtefactError
from contracts.settings import Settings
from learning.estimate.cbpe import Calibration, NoReference
from models.base.artefact import METADATA, load_artefact
from models.linear.rare_words import RareWords
from models.registry.client import Registry
from training.evaluation.held_out import HeldOut


class Evidence(NamedTuple):
    """Of one version."""

    version: str
    held_out: HeldOut
    calibration: Calibration
    reference: Reference | None
    unseen_words: Mapping[str, float]
    """Data set → share of its held-out words that the version has hardly seen; empty in versions from before that."""
    rare_words: RareWords | None
    """Tells which words it has hardly seen; None: not asked for, or nothing can tell."""


def evidence(settings: Settings, which: str, *, words: bool = False) -> Evidence:
    """Read it from MLflow.

    Args:
        which: a version number or an alias. words: load the model, too, for `rare_words`.

    Raises:
        Unavailable: MLflow cannot be reached. NoChampion: there is no such version.
        NoReference, ArtefactError: it carries nothing that can be used.
    """
    with closing(Registry(settings.mlflow)) as registry:
        version = registry.named(which)
        with registry.artefact(version) as folder:
            held_out = HeldOut.load(folder)
            if held_out is None:
                raise NoReference(
                    f"version {version.version} carries no held-out predictions: nothing says how good it is, or where"
                )
            try:
                metadata = json.loads((folder / METADATA).read_text("utf-8"))
                reference = Reference.of(metadata)
            except (ValueError, AttributeError):
                metadata, reference = {}, None
            return Evidence(
                version.version,
                held_out,
                Calibration.of(held_out),
                reference,
                unseen_words_of(metadata),
                _rare_words(folder) if words else None,
            )


def unseen_words_of(metadata: Mapping[str, Any]) -> dict[str, float]:
    """What a version notes of its held-out sets' words; empty where it notes nothing, or nothing that can be used."""
    noted = metadata.get("unseen_words")
    if not isinstance(noted, dict):
        return {}
    return {str(name): float(share) for name, share in noted.items() if isinstance(share, (int, float))}


def _rare_words(folder: Path) -> RareWords | None:
    try:
        found = RareWords(load_artefact(folder))
    except ArtefactError:  # what cannot answer (without TensorFlow, say) cannot tell either
        return None
    return found if found.can_tell else None
