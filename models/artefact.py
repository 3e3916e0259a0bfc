"""A trained model as a folder: `metadata.json` and `weights.npz`. No pickle, and a checksum."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError
from models.sentiment import SentimentModel

FORMAT_VERSION: Final = 1
METADATA: Final = "metadata.json"
WEIGHTS: Final = "weights.npz"

# family → module and class; the class has `load(metadata, arrays)`.
_FAMILIES: Final = {
    "hashed": ("models.hashed", "HashedModel"),
    "recurrent": ("models.deep.served", "DeepModel"),
    "student": ("models.deep.served", "DeepModel"),
    "transformer": ("models.deep.served", "DeepModel"),
    "cascade": ("models.cascade", "CascadeModel"),
}


def load_artefact(folder: Path) -> SentimentModel:
    """Read a model that `SentimentModel.save` wrote.

    Raises:
        ArtefactError: missing, damaged, or of another version; the message names the folder and what to do.
    """
    metadata = read_metadata(folder)
    family = metadata.get("family")
    if family not in _FAMILIES:
        raise ArtefactError(f"{folder}: unknown model family {family!r} (known: {', '.join(_FAMILIES)})")
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ArtefactError(f"{folder}: {WEIGHTS} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != metadata.get("sha256"):
        raise ArtefactError(
            f"{folder}: {WEIGHTS} is damaged (its SHA-256 is not the one noted): fetch or train it again"
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise ArtefactError(f"{folder}: {WEIGHTS} cannot be read: {error}") from None
    module, name = _FAMILIES[family]
    try:
        model: SentimentModel = getattr(importlib.import_module(module), name).load(metadata, arrays)
    except ArtefactError as error:
        raise ArtefactError(f"{folder}: {error}") from None
    return model


def read_metadata(folder: Path) -> dict[str, Any]:
    """The metadata of an artefact, without its weights.

    Raises:
        ArtefactError: missing, no JSON object, or of another format version.
    """
    try:
        metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
    except OSError as error:
        raise ArtefactError(f"{folder} holds no model: {METADATA}: {error.strerror}") from None
    except ValueError as error:
        raise ArtefactError(f"{folder}: {METADATA} is damaged: {error}") from None
    if not isinstance(metadata, dict):
        raise ArtefactError(f"{folder}: {METADATA} is damaged: not a JSON object")
    if metadata.get("format_version") != FORMAT_VERSION:
        raise ArtefactError(
            f"{folder}: format version {metadata.get('format_version')}, this program reads {FORMAT_VERSION}"
        )
    return metadata


def write_artefact(folder: Path, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the folder; the metadata comes last, so that a half-written one is recognised."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METADATA).unlink(missing_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    (folder / WEIGHTS).write_bytes(content)
    noted = {**metadata, "format_version": FORMAT_VERSION, "sha256": hashlib.sha256(content).hexdigest()}
    text = json.dumps(noted, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / METADATA).write_text(text + "\n", encoding="utf-8")
