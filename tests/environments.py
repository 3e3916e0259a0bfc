"""Environments made from the lock files, as the images have them; kept under var/ by the lock file's content."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import filelock

from contracts.settings import ROOT

_HOME = ROOT / "var" / "environments"


def environment(lock: Path) -> Path:
    """The Python of an environment that holds what the lock file names and nothing else.

    The first call takes the time to install it; older environments of the same lock file are thrown away.
    """
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = _HOME / f"{lock.stem}-{digest}"
    python = folder / "bin" / "python"
    _HOME.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(_HOME / f".{lock.stem}.lock"):
        if (folder / ".complete").exists():
            return python
        for older in _HOME.glob(f"{lock.stem}-*"):
            shutil.rmtree(older)
        # Installed from outside: the environment itself needs no pip. uv takes seconds where pip takes a minute; where
        # uv cannot (an index that only pip's settings name), pip does, as in the Makefile.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet", "--python", str(python)]
        pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-compile"]
        options = ["--no-deps", "--require-hashes", "--requirement", str(lock)]
        if subprocess.run([*uv, *options], capture_output=True, check=False).returncode:
            subprocess.run([*pip, "--disable-pip-version-check", *options], check=True, capture_output=True)
        (folder / ".complete").touch()
    return python
