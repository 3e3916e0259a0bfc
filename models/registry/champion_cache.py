"""The last versions that served, on disk: for a rollback, and for a start without MLflow.

    <cache>/sentiment-7/artefact/…     the files of version 7; beside them `origin`, which registry they are from
    <cache>/current.json               what was served last

Workers and API of one host share it: all access holds one lock file, and a folder is put in place by a rename.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import filelock

from contracts.errors import ArtefactError, Unavailable
from contracts.whole_files import write_whole
from models.base.artefact import artefact_in, load_artefact
from models.base.sentiment import SentimentModel
from models.registry.client import RegisteredVersion

_log = logging.getLogger("buzzwatch.champion")

KEPT_VERSIONS = 5
"""Enough for several rollbacks in a row; older versions are downloaded again."""
_LOCK_TIMEOUT_S = 60.0
"""Longest wait for another process, which may download a version under the lock."""


class ChampionCache:
    """A folder of downloaded versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, version: RegisteredVersion, fetch: Callable[[Path], None]) -> SentimentModel:
        """The model of this version; `fetch` downloads it into the folder it is given when it is not here yet.

        Raises:
            ArtefactError: the files are damaged; they are deleted, so that the next call downloads them again.
            Unavailable: `fetch` raised it, or the folder cannot be written.
        """
        with self._locked():
            home = self._home(version)
            damage = ""
            if self._origin_in(home) == version.origin:
                try:
                    return self._opened(home)
                except ArtefactError as error:
                    damage = f"{error}; "
                    _log.warning("a model in the cache is damaged and is downloaded again: %s", error)
            try:
                self._install(home, version, fetch)
            except Unavailable as error:
                raise Unavailable(f"{damage}{error}") from None
            return self._opened(home)

    def add(self, version: RegisteredVersion, fetch: Callable[[Path], None]) -> None:
        """Keep the files that `fetch` puts into the folder it is given as those of this version.

        Raises:
            Unavailable: `fetch` raised it, or the folder cannot be written.
        """
        with self._locked():
            self._install(self._home(version), version, fetch)

    def load_kept(self, version: RegisteredVersion) -> SentimentModel:
        """The model of a version that `kept` named.

        Raises:
            ArtefactError: the files are damaged; they are deleted.
            Unavailable: the folder cannot be written.
        """
        with self._locked():
            return self._opened(self._home(version))

    def kept(self, name: str) -> list[RegisteredVersion]:
        """The versions of a model in the cache, the last one loaded first; their aliases are not known.

        Raises:
            Unavailable: the folder cannot be written.
        """
        found: list[tuple[float, RegisteredVersion]] = []
        with self._locked():
            for path in self._folder.glob("*/origin"):
                home, origin = path.parent, self._origin_in(path.parent)
                number = home.name.rpartition("-")[2]
                version = RegisteredVersion(name, number, (), origin or "")
                if origin is not None and number.isdecimal() and self._home(version) == home:
                    found.append((home.stat().st_mtime, version))
        return [version for _, version in sorted(found, key=lambda entry: entry[0], reverse=True)]

    def remember(self, version: RegisteredVersion) -> None:
        """Note that this version serves now, and delete the oldest ones beyond `KEPT_VERSIONS`."""
        with self._locked():
            write_whole(self._folder / "current.json", json.dumps(asdict(version)))
            homes = [path.parent for path in self._folder.glob("*/origin")]
            homes.sort(key=lambda home: home.stat().st_mtime, reverse=True)
            for home in homes[KEPT_VERSIONS:]:
                self._discard(home)

    def last_served(self) -> RegisteredVersion | None:
        """The version last passed to `remember`, None when there is none that can be read."""
        try:
            data = json.loads((self._folder / "current.json").read_text("utf-8"))
            version = RegisteredVersion(**{**data, "aliases": tuple(data["aliases"])})
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return None
        if not all(isinstance(text, str) for text in (version.name, version.version, version.origin, *version.aliases)):
            return None
        return version if (self._home(version) / "origin").exists() else None

    def _opened(self, home: Path) -> SentimentModel:
        try:
            model = load_artefact(artefact_in(home / "artefact", home.name))
        except ArtefactError:
            self._discard(home)
            raise
        os.utime(home)
        return model

    @staticmethod
    def _origin_in(home: Path) -> str | None:
        try:
            return (home / "origin").read_text("utf-8")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError, UnicodeDecodeError):
            return None

    def _home(self, version: RegisteredVersion) -> Path:
        return self._folder / f"{version.name}-{version.version}".replace("/", "_")

    def _install(self, home: Path, version: RegisteredVersion, fetch: Callable[[Path], None]) -> None:
        arriving = Path(tempfile.mkdtemp(prefix=".arriving-", dir=self._folder))
        try:
            (arriving / "artefact").mkdir()
            fetch(arriving / "artefact")
            (arriving / "origin").write_text(version.origin, "utf-8")
            if home.exists():
                self._discard(home)
            arriving.rename(home)
        finally:
            shutil.rmtree(arriving, ignore_errors=True)

    def _discard(self, home: Path) -> None:
        # Renamed first: a half-deleted folder would look like a whole one to the next process.
        leaving = Path(tempfile.mkdtemp(prefix=".leaving-", dir=self._folder))
        home.rename(leaving / home.name)
        shutil.rmtree(leaving, ignore_errors=True)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(self._folder / ".lock", timeout=_LOCK_TIMEOUT_S):
                yield
        except filelock.Timeout:
            raise Unavailable(
                f"another process has held {self._folder / '.lock'} for {_LOCK_TIMEOUT_S:.0f} s"
            ) from None
        except OSError as error:
            raise Unavailable(
                f"the model cache {self._folder} cannot be used ({error.strerror or error}): "
                "make it writable or set BUZZWATCH_MLFLOW__CACHE_DIR"
            ) from None
