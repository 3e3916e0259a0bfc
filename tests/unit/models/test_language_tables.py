"""What py3langid's tables become on disk. Unpacking them takes a second, so it is done as seldom as can be."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models import language_tables
from models.language_tables import Tables, load_tables


@pytest.fixture(scope="module")
def unpacked() -> Tables:
    return load_tables()


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
    monkeypatch.delattr(language_tables, "_unpacked")
    assert same(load_tables(), unpacked)
    assert [path.name.partition("-")[0] for path in cache.iterdir()] == ["language"]


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", None])
def test_what_is_damaged_is_unpacked_anew(cache: Path, unpacked: Tables, content: bytes | None) -> None:
    load_tables()
    (folder,) = cache.iterdir()
    if content is None:
        (folder / "next.npy").unlink()
    else:
        (folder / "next.npy").write_bytes(content)
    assert same(load_tables(), unpacked)
    assert (folder / "next.npy").stat().st_size > unpacked.next.nbytes


def test_tables_of_another_version_go(cache: Path) -> None:
    (cache / "language-0123456789abcdef").mkdir(parents=True)
    load_tables()
    assert len(list(cache.iterdir())) == 1


def test_where_nothing_can_be_kept_they_are_unpacked_again(cache: Path, unpacked: Tables) -> None:
    cache.write_text("a file where the folder should be")
    assert same(load_tables(), unpacked)
