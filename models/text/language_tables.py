"""py3langid's tables as the compiled walk reads them: unpacked once, mapped into memory from then on.

Unpacking takes a second of processor time, more than all else that a worker does before it scores. What comes of it
(100 MB) is kept where numba keeps its machine code, and shared by all processes that map it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_log = logging.getLogger("buzzwatch.models")

_STALE_S: Final = 3600
"""Older than this, what a killed process left half written goes."""


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
    names: NDArray[np.str_]
    """(languages,): their codes, of ISO 639-1 where there is one."""


def load_tables() -> Tables:
    """The tables of the installed py3langid: mapped where they are kept, else unpacked."""
    return kept_tables() or unpack_tables()


def keep_tables(tables: Tables, caches: Sequence[Path] | None = None) -> None:
    """Write the unpacked tables to disk for the next process, unless they are there already.

    Args:
        caches: the first of them that can be written takes them; by default `cache_folders`.
    """
    if kept_tables(caches) is not None:
        return
    failure: OSError | None = None
    for folder in _places(caches):
        try:
            _write(tables, folder)
        except OSError as error:
            failure = error
        else:
            return
    _log.info("the language tables cannot be written to disk, so every start unpacks them anew: %s", failure)


def _library() -> Any:
    return importlib.import_module("py3langid.langid")


def cache_folders() -> list[Path]:
    """Where they may be kept, in numba's order: NUMBA_CACHE_DIR, else beside this file, else the user's cache."""
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return [Path(chosen)]
    caches = [Path(__file__).with_name("__pycache__")]
    with contextlib.suppress(RuntimeError):  # a user without a home
        caches.append(Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "buzzwatch")
    return caches


def _places(caches: Sequence[Path] | None) -> list[Path]:
    return [cache / f"language-{_key()}" for cache in (cache_folders() if caches is None else caches)]


@functools.cache  # asked for at a start, and again when they are kept
def _key() -> str:
    library = _library()
    digest = hashlib.sha256(Path(__file__).read_bytes())  # what is made of the library's file depends on this one
    digest.update((Path(library.__file__).parent / library.MODEL_FILE).read_bytes())
    return digest.hexdigest()[:16]


def kept_tables(caches: Sequence[Path] | None = None) -> Tables | None:
    """The tables that are kept on disk; None where there are none, or damaged ones."""
    for folder in _places(caches):
        try:
            return Tables(*(_mapped(folder / f"{name}.npy") for name in Tables._fields))
        except Exception as error:  # NumPy has no common exception for damaged files
            _log.debug("no language tables in %s (%r); the next folder is tried", folder, error)
    return None


def _mapped(path: Path) -> NDArray[Any]:
    # Copy on write, so that numba sees the type of a plain array; nobody writes.
    return np.asarray(np.lib.format.open_memmap(path, mode="c"))


def unpack_tables() -> Tables:
    """The tables of the installed py3langid, which takes a second of processor time."""
    library = _library()
    model = library.LanguageIdentifier.from_model_file(library.MODEL_FILE)
    return Tables(
        np.asarray(model.tk_nextmove).astype(np.int32),
        np.asarray(model.tk_row).astype(np.int64) << 8,
        np.asarray(model.tk_output, np.int32),
        np.ascontiguousarray(model.nb_ptc, np.float32),
        np.asarray(model.nb_pc, np.float32),
        np.array([str(name) for name in model.nb_classes]),
    )


def _write(tables: Tables, folder: Path) -> None:
    """Put a complete folder in place by a rename, and delete those of other versions."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".language-", dir=folder.parent))
    try:
        for name, table in tables._asdict().items():
            with (scratch / f"{name}.npy").open("wb") as file:
                np.save(file, table, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())  # after a power failure a file may have its length and no content
        scratch.chmod(0o755)  # like numba's cache: other users of this installation may read it
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):  # another process was faster
            scratch.rename(folder)
        left = [path for path in folder.parent.glob(".language-*") if path.stat().st_mtime < time.time() - _STALE_S]
        for other in [*folder.parent.glob("language-*"), *left]:
            if other != folder:
                shutil.rmtree(other, ignore_errors=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
