"""What py3langid's tables become on disk. Unpacking them takes a second, so it is done as seldom as can be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.text import language_tables
from models.text.language_tables import Tables, keep_tables, load_tables


@pytest.fixture(scope="module")
def unpacked() -> Tables:
    """By the real library, whatever is kept."""
    return language_tables._unpacked(language_tables._library())


@pytest.fixture
def cache(tmp_path: Path, unpacked: Tables, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a library that needs no time."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(language_tables, "_unpacked", lambda _: unpacked)
    return tmp_path / "cache"


def same(one: Tables, other: Tables) -> bool:
    pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(one, other, strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def test_what_was_unpacked_once_is_mapped_from_then_on(
    cache: Path, unpacked: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert same(load_tables(), unpacked)
    assert not cache.exists()
    keep_tables(unpacked)
    monkeypatch.delattr(language_tables, "_unpacked")
    assert same(load_tables(), unpacked)
    assert [path.name.partition("-")[0] for path in cache.iterdir()] == ["language"]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x02\x00{(", None])
def test_what_is_damaged_is_unpacked_anew(cache: Path, unpacked: Tables, content: bytes | None) -> None:
    keep_tables(unpacked)
    (folder,) = cache.iterdir()
    if content is None:
        (folder / "next.npy").unlink()
    else:
        (folder / "next.npy").write_bytes(content)
    assert same(load_tables(), unpacked)
    keep_tables(unpacked)
    assert (folder / "next.npy").stat().st_size > unpacked.next.nbytes


def test_what_other_versions_and_killed_processes_have_left_goes(cache: Path, unpacked: Tables) -> None:
    (cache / "language-0123456789abcdef").mkdir(parents=True)
    (cache / ".language-old").mkdir()
    (cache / ".language-new").mkdir()  # somebody may be writing
    os.utime(cache / ".language-old", (0, 0))
    keep_tables(unpacked)
    left = sorted(path.name for path in cache.iterdir())
    assert left[0] == ".language-new"
    assert len(left) == 2


def test_where_nothing_can_be_kept_they_are_unpacked_again(
    cache: Path, unpacked: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level("INFO"):
        keep_tables(unpacked)
    assert "cannot be written to disk" in caplog.text
    assert same(load_tables(), unpacked)


def test_an_installation_that_cannot_be_written_keeps_them_in_the_users_cache(
    tmp_path: Path, unpacked: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours, users = language_tables._folders()
    (tmp_path / "file").touch()
    monkeypatch.setattr(language_tables, "_folders", lambda: [tmp_path / "file" / ours.name, users])
    keep_tables(unpacked)
    assert users.is_relative_to(tmp_path)
    assert language_tables._kept() is not None
