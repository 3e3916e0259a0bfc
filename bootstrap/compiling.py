"""Compiles the scoring path in a process of its own while servers start, where that is still to be done."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

from contracts.settings import ROOT
from local.die_with_parent import die_with_parent

STAMP: Final = Path(sys.prefix) / ".compiled"
"""Touched when everything has been compiled; make looks at it, too."""
_FOLDERS: Final = ("models", "stream")


def is_compiled(root: Path = ROOT, stamp: Path = STAMP) -> bool:
    """Whether no file with compiled functions is newer than the stamp."""
    try:
        done = stamp.stat().st_mtime
    except OSError:
        return False
    files = (file for folder in _FOLDERS for file in (root / folder).rglob("*.py"))
    return not any(file.stat().st_mtime > done and b"\n@compiled" in file.read_bytes() for file in files)


def start_compiling() -> subprocess.Popen[bytes] | None:
    """Start `python -m bootstrap.compile`; None when there is nothing to compile.

    Worker and API started before its end would compile the same functions, each for itself.
    """
    if is_compiled():
        return None
    command = die_with_parent([sys.executable, "-m", "bootstrap.compile"])
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
