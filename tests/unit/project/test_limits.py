"""Limits that keep the tree easy to read."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

from contracts.settings import ROOT

_MODULES = 12
_LINES = 500
"""Far above what is usual (60 to 150): nobody shall cut a file to fit."""


def _product() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [
        ROOT / name for name in listed.stdout.splitlines() if not name.startswith("tests/") and (ROOT / name).exists()
    ]


def test_no_folder_has_more_than_twelve_modules() -> None:
    modules = Counter(file.parent for file in _product() if file.name != "__init__.py")
    assert modules
    assert {str(folder): number for folder, number in modules.items() if number > _MODULES} == {}


def test_no_file_is_longer_than_500_lines() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert files
    assert [file.name for file in files if len(file.read_text(encoding="utf-8").splitlines()) > _LINES] == []
