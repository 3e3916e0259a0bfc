"""The wheel holds what the program reads: the shipped model, default rules, pages, lists."""

from __future__ import annotations

import subprocess
import tomllib
from pathlib import PurePath

from contracts.settings import ROOT


def test_every_file_of_a_package_is_in_the_wheel() -> None:
    said = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    packages = {pattern.rstrip("*") for pattern in said["packages"]["find"]["include"]}
    listed = subprocess.run(["git", "ls-files", "--", *packages], cwd=ROOT, capture_output=True, text=True, check=True)
    others = [PurePath(name) for name in listed.stdout.splitlines() if not name.endswith(".py")]
    assert PurePath("models/artefacts/linear/weights.npz") in others
    missing = [
        str(file)
        for file in others
        if not any(
            file.relative_to(file.parts[0]).match(pattern) and pattern.count("/") == len(file.parts) - 2
            for pattern in said["package-data"].get(file.parts[0], ())
        )
    ]
    assert missing == []
    modules = [PurePath(name) for name in listed.stdout.splitlines() if name.endswith(".py")]
    folders = {file.parent for file in modules}
    assert [str(folder) for folder in sorted(folders) if folder / "__init__.py" not in modules] == []
