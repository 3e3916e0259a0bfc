"""A virtual environment for peers that want other versions of our libraries than we do."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Final

from contracts.errors import Unavailable

_FOLDER: Final = Path(__file__).with_name(".venv-peers")
_WANTED: Final = Path(__file__).with_name("peers.txt")


def peers_python() -> str:
    """The interpreter of `bench/.venv-peers`, which is made at the first call: theirs first, ours behind it.

    Raises:
        Unavailable: the packages cannot be installed here.
    """
    python = _FOLDER / "bin" / "python"
    done = _FOLDER / "installed.txt"
    if done.exists() and done.read_text() == _WANTED.read_text():
        return str(python)
    venv.create(_FOLDER, clear=True, with_pip=True)
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    try:
        subprocess.run([*install, "--require-hashes", "--requirement", str(_WANTED)], check=True, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"the peers of {_WANTED} cannot be installed: {error}") from None
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ours = f"{sysconfig.get_path('purelib')}\n{_WANTED.parent.parent}\n"
    (_FOLDER / "lib" / version / "site-packages" / "zz_buzzwatch.pth").write_text(ours)
    done.write_text(_WANTED.read_text())
    return str(python)
