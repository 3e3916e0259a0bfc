from __future__ import annotations

import runpy
import sys

import pytest


@pytest.mark.parametrize(
    ("name", "value"), [("BUZZWATCH_API__PORT", "none"), ("BUZZWATCH_RULES", "/nowhere/rules.yaml")]
)
def test_a_bad_setting_stops_the_start_with_one_line(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process; `test_exposure.py` starts uvicorn itself."""
    monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["uvicorn", "api.app:app", "--port", "1"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("api.app")
    line = str(stopped.value)
    assert line.startswith("buzzwatch: ")
    assert value in line
    assert "\n" not in line
