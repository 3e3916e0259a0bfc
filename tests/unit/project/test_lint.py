from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from contracts.settings import ROOT

BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command", ["ruff check --quiet .", "ruff format --check --quiet .", "lint-imports --no-cache", "mypy"]
)
def test_the_code_is_clean(command: str) -> None:
    program, *arguments = command.split()
    done = subprocess.run([BIN / program, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_file_is_longer_than_400_lines() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert files
    long = [file.name for file in files if len(file.read_text(encoding="utf-8").splitlines()) > 400]
    assert not long
