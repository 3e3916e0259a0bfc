"""Blocks of the documents that say `tested` are run as they stand, page by page, beside a running stack."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from contracts.settings import ROOT
from tests.stack import RunningStack

_BLOCK = re.compile(r"^( *)<!-- tested: (bash|python) -->\n+ *```\2\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    str(page.relative_to(ROOT))
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md"))
    if "<!-- tested: " in page.read_text(encoding="utf-8")
)
"""What the other blocks show is checked without being run: tests/unit/docs/test_code_blocks.py."""


def blocks(page: str, language: str) -> str:
    """All of a language on a page, one after the other."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [textwrap.dedent(code) for _, spoken, code in _BLOCK.findall(text) if spoken == language]
    return "\n".join(found)


def test_there_are_tested_blocks_and_each_is_found() -> None:
    assert {"README.md", "docs/quickstart.md", "docs/how-to/connect-kafka.md", "docs/how-to/secure.md"} <= set(PAGES)
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        assert len(_BLOCK.findall(text)) == text.count("<!-- tested: ")


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(page: str, stack: RunningStack, tmp_path: Path) -> None:
    (tmp_path / "alerts").symlink_to(ROOT / "alerts")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for start, language in ((["bash", "-euo", "pipefail", "-c"], "bash"), ([sys.executable, "-c"], "python")):
        code = blocks(page, language).replace("localhost:8000", f"localhost:{stack.api}")
        if not code:
            continue
        done = subprocess.run(
            [*start, code],
            cwd=tmp_path,
            env=stack.environment | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, f"{code}\n{done.stdout}\n{done.stderr}"
        assert done.stdout
        assert '"status":4' not in done.stdout  # curl takes a problem for an answer
        assert '"status":5' not in done.stdout
