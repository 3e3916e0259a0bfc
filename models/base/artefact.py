"""A trained model as a folder: `metadata.json` and `weights.npz`. No pickle, and a checksum of each."""

from __future__ import annotations

import hashlib
import importlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ArtefactError, BuzzwatchError
from models.base.sentiment import SentimentModel

FORMAT_VERSION: Final = 1
METADATA: Final = "metadata.json"
WEIGHTS: Final = "weights.npz"
METADATA_SHA256: Final = "metadata_sha256"
"""Key of the metadata: the checksum of all others. Older artefacts lack it and are read all the same."""

# family → module and class; the class has `load(metadata, arrays)`.
_FAMILIES: Final = {
    "hashed": ("models.linear.model", "HashedModel"),
    "recurrent": ("models.deep.model", "DeepModel"),
    "student": ("models.deep.model", "DeepModel"),
    "transformer": ("models.deep.model", "DeepModel"),
    "sentences": ("models.deep.sentence_model", "SentenceModel"),
    "cascade": ("models.cascade", "CascadeModel"),
}


def load_artefact(folder: Path) -> SentimentModel:
    """Read a model that `SentimentModel.save` wrote.

    Raises:
        ArtefactError: missing, damaged, or of another version; the message names the folder and what to do.
    """
    metadata = read_metadata(folder)
    family = metadata.get("family")
    if not isinstance(family, str) or family not in _FAMILIES:
        raise ArtefactError(f"{folder}: unknown model family {_shown(family)} (known: {', '.join(_FAMILIES)})")
    arrays = read_arrays(folder, metadata)
    module, name = _FAMILIES[family]
    try:
        model: SentimentModel = getattr(importlib.import_module(module), name).load(metadata, arrays)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a family may raise anything; a panic of a tokenizer in Rust is no Exception
        raise ArtefactError(f"{folder}: {in_short(error)}") from error
    return model


def read_metadata(folder: Path) -> dict[str, Any]:
    """The metadata of an artefact, without its weights.

    Raises:
        ArtefactError: missing, no JSON object, not as it was written, or of another format version.
    """
    try:
        metadata = json.loads((folder / METADATA).read_text(encoding="utf-8"))
        as_noted = not isinstance(metadata, dict) or metadata.get(METADATA_SHA256) in (None, metadata_digest(metadata))
    except OSError as error:
        raise ArtefactError(f"{folder} holds no model: {METADATA}: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{folder}: {METADATA} is damaged: {in_short(error)}") from None
    if not isinstance(metadata, dict):
        raise ArtefactError(f"{folder}: {METADATA} is damaged: not a JSON object")
    if metadata.get("format_version") != FORMAT_VERSION:
        raise ArtefactError(
            f"{folder}: format version {_shown(metadata.get('format_version'))}, this program reads {FORMAT_VERSION}"
        )
    if not as_noted:
        raise ArtefactError(
            f"{folder}: {METADATA} is damaged (its SHA-256 is not the one noted): fetch or train it again"
        )
    if not isinstance(metadata.get("metrics", {}), dict):
        raise ArtefactError(f"{folder}: {METADATA} is damaged: metrics are no JSON object")
    return metadata


def read_arrays(folder: Path, metadata: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The weights of an artefact with these metadata.

    Raises:
        ArtefactError: missing, or not as they were written.
    """
    try:
        content = (folder / WEIGHTS).read_bytes()
    except OSError as error:
        raise ArtefactError(f"{folder}: {WEIGHTS} cannot be read: {error.strerror}") from None
    if hashlib.sha256(content).hexdigest() != metadata.get("sha256"):
        raise ArtefactError(
            f"{folder}: {WEIGHTS} is damaged (its SHA-256 is not the one in {METADATA}): fetch or train it again"
        )
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except Exception as error:  # of zipfile, zlib, ast, NumPy or a lack of memory
        raise ArtefactError(f"{folder}: {WEIGHTS} cannot be read: {in_short(error)}") from None


def artefact_in(folder: Path, what: str) -> Path:
    """The folder that `SentimentModel.save` wrote, wherever in the registered files of `what` it lies.

    Raises:
        ArtefactError: there is none.
    """
    found = sorted(folder.rglob(METADATA), key=lambda path: len(path.parts))
    if not found:
        raise ArtefactError(f"{what} holds no {METADATA}: not a model that buzzwatch registered")
    return found[0].parent


def check_cleaning(metadata: Mapping[str, Any], cleaning: object) -> None:
    """Refuse a model that learnt from texts that were cleaned in another way than this program's.

    Raises:
        ArtefactError: it did.
    """
    if metadata.get("cleaning") != cleaning:
        raise ArtefactError(
            f"the model was trained with text cleaning {metadata.get('cleaning')}, this program has {cleaning}: "
            "train it again"
        )


def metadata_digest(metadata: Mapping[str, Any]) -> str:
    """SHA-256 of the metadata, independent of their layout and without the key of the checksum itself."""
    noted = {key: value for key, value in metadata.items() if key != METADATA_SHA256}
    return hashlib.sha256(json.dumps(noted, sort_keys=True).encode()).hexdigest()


def in_short(error: BaseException) -> str:
    """Any error in one line; with the name of its class unless it is one of ours."""
    text = " ".join(str(error).split())
    return text if isinstance(error, BuzzwatchError) else f"{type(error).__name__}: {text}"[:300]


def without_folder(error: ArtefactError, folder: Path) -> str:
    """The message without the scratch folder, which is gone when it is read."""
    return str(error).replace(str(folder), "").lstrip("/: ")


def _shown(value: object) -> str:
    return repr(value)[:80]


def write_artefact(folder: Path, metadata: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write the folder, the metadata last, so that a half-written folder is recognised."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METADATA).unlink(missing_ok=True)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    content = buffer.getvalue()
    (folder / WEIGHTS).write_bytes(content)
    noted = {**metadata, "format_version": FORMAT_VERSION, "sha256": hashlib.sha256(content).hexdigest()}
    noted[METADATA_SHA256] = metadata_digest(json.loads(json.dumps(noted)))  # as it will be read: tuples are lists
    text = json.dumps(noted, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / METADATA).write_text(text + "\n", encoding="utf-8")
