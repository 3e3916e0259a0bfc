"""What py3langid's tables become on disk. Unpacking them takes a second, so it is done as seldom as can be."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.text.language_tables import Tables, cache_folders, keep_tables, kept_tables, load_tables, unpack_tables


@pytest.fixture(scope="module")
def unpacked() -> Tables:
    """By the real library, whatever is kept."""
    return unpack_tables()


@pytest.fixture
def small() -> Tables:
    """Tables that are written in no time."""
    return Tables._make([*(np.full(3, number) for number in range(5)), np.array(["en", "fr", "de"])])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def same(one: Tables | None, other: Tables) -> bool:
    assert one is not None
    pairs: Iterable[tuple[NDArray[Any], NDArray[Any]]] = zip(one, other, strict=True)
    return all(a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs)


def test_without_a_cache_they_are_unpacked_and_with_one_they_are_mapped(
    cache: Path, unpacked: Tables, small: Tables
) -> None:
    assert same(load_tables(), unpacked)
    assert not cache.exists()
    keep_tables(small)
    assert same(load_tables(), small)
    assert [path.name.partition("-")[0] for path in cache.iterdir()] == ["language"]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", b"PK\x03\x04", b"\x93NUMPY\x01\x00\x02\x00{(", None])
def test_what_is_damaged_is_as_if_it_were_not_there_and_written_anew(
    cache: Path, small: Tables, content: bytes | None
) -> None:
    keep_tables(small)
    (folder,) = cache.iterdir()
    if content is None:
        (folder / "next.npy").unlink()
    else:
        (folder / "next.npy").write_bytes(content)
    assert kept_tables() is None
    keep_tables(small)
    assert same(kept_tables(), small)


def test_what_other_versions_and_killed_processes_have_left_goes(cache: Path, small: Tables) -> None:
    (cache / "language-0123456789abcdef").mkdir(parents=True)
    (cache / ".language-old").mkdir()
    (cache / ".language-new").mkdir()  # somebody may be writing
    os.utime(cache / ".language-old", (0, 0))
    keep_tables(small)
    left = sorted(path.name for path in cache.iterdir())
    assert left[0] == ".language-new"
    assert len(left) == 2


def test_where_nothing_can_be_kept_the_log_says_so(
    cache: Path, small: Tables, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level("INFO"):
        keep_tables(small)
    assert "cannot be written to disk" in caplog.text
    assert kept_tables() is None


def test_an_installation_that_cannot_be_written_keeps_them_in_the_users_cache(
    tmp_path: Path, small: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    ours, users = cache_folders()
    assert ours.parent.name == "text"
    assert users.is_relative_to(tmp_path)
    (tmp_path / "file").touch()
    keep_tables(small, [tmp_path / "file" / ours.name, users])
    assert same(kept_tables([users]), small)
