from __future__ import annotations

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("name", "value"), [("BUZZWATCH_API__PORT", "none"), ("BUZZWATCH_RULES", "/nowhere/rules.yaml")]
)
def test_a_bad_setting_stops_the_start_with_one_line(name: str, value: str) -> None:
    command = [sys.executable, "-m", "uvicorn", "api.app:app", "--port", "1"]
    ended = subprocess.run(command, env={**os.environ, name: value}, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("buzzwatch: ")
    assert value in line
