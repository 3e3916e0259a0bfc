"""py3langid's tables as the compiled walk reads them: unpacked once, mapped into memory from then on.

Unpacking takes a second of processor time, more than all else that a worker does before it scores. What comes of it
(100 MB) is kept where numba keeps its machine code, and shared by all processes that map it.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger("buzzwatch.models")

_FAMILY: Final = frozenset({"en", "pcm"})
"""What counts as English: py3langid takes some tweets in English for Nigerian Pidgin."""
_LAYOUT: Final = b"1"
"""Of what is kept; another one is unpacked anew."""


class Tables(NamedTuple):
    """An automaton over bytes, and a naive Bayes over what it finds."""

    next: NDArray[np.int32]
    """The state that follows, at the state's row plus the byte."""
    row: NDArray[np.int64]
    """(states,): where the row of each state begins."""
    feature: NDArray[np.int32]
    """(states,): the feature that is seen in each state, -1 for none."""
    weights: NDArray[np.float32]
    """(features, languages): log-probabilities."""
    prior: NDArray[np.float32]
    """(languages,): log-probabilities."""
    english: NDArray[np.bool_]
    """(languages,): which of them count as English."""


def load_tables() -> Tables:
    """The tables of the installed py3langid."""
    library: Any = importlib.import_module("py3langid.langid")
    source = Path(library.__file__).parent / library.MODEL_FILE
    kept = _cache() / f"language-{hashlib.sha256(_LAYOUT + source.read_bytes()).hexdigest()[:16]}"
    try:
        return Tables(*(_mapped(kept / f"{name}.npy") for name in Tables._fields))
    except (OSError, EOFError, ValueError):  # not unpacked yet, or damaged
        tables = _unpacked(library)
    try:
        _keep(tables, kept)
    except OSError as error:
        _log.debug("the language tables cannot be kept, every start unpacks them: %s", error)
    return tables


def _cache() -> Path:
    return Path(os.environ.get("NUMBA_CACHE_DIR") or Path(__file__).with_name("__pycache__"))


def _mapped(path: Path) -> NDArray[Any]:
    # Copy on write, so that numba sees the type of a plain array; nobody writes.
    return np.asarray(np.load(path, mmap_mode="c", allow_pickle=False))


def _unpacked(library: Any) -> Tables:
    model = library.LanguageIdentifier.from_model_file(library.MODEL_FILE)
    return Tables(
        np.asarray(model.tk_nextmove).astype(np.int32),
        np.asarray(model.tk_row).astype(np.int64) << 8,
        np.asarray(model.tk_output, np.int32),
        np.ascontiguousarray(model.nb_ptc, np.float32),
        np.asarray(model.nb_pc, np.float32),
        np.array([name in _FAMILY for name in model.nb_classes]),
    )


def _keep(tables: Tables, folder: Path) -> None:
    """Write a folder that is there as a whole or not at all; what other versions have left goes."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".language-", dir=folder.parent))
    try:
        for name, table in tables._asdict().items():
            with (scratch / f"{name}.npy").open("wb") as file:
                np.save(file, table, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())  # after a power failure a file may have its length and no content
        scratch.chmod(0o755)  # as what numba keeps: other users of this installation may read it
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was faster
            scratch.rename(folder)
        for other in folder.parent.glob("language-*"):
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
