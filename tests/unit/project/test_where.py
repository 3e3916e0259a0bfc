"""What a newcomer is told about where to change what is true."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from contracts.settings import ROOT

_GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
_TABLE = _GUIDE.partition("## Where to change what")[2].partition("\n## ")[0]
_ROWS = [
    [re.findall(r"`([^`]+)`", cell) for cell in line.strip("|").split("|")[1:]]
    for line in _TABLE.splitlines()
    if line.startswith("| ") and not line.startswith("| to change")
]
_METRICS = {"Counter", "Gauge", "Histogram", "Summary", "Info", "GaugeMetricFamily", "CounterMetricFamily"}


def _files(names: list[str]) -> list[str]:
    folders = [name for name in names if name.endswith("/")]
    return [folder + names[0] for folder in folders] if folders else names


def test_the_table_has_its_rows() -> None:
    assert len(_ROWS) >= 12


@pytest.mark.parametrize(("files", "names"), _ROWS, ids=[str(row[0][0]) for row in _ROWS])
def test_the_files_to_open_are_there_and_hold_what_to_look_for(files: list[str], names: list[str]) -> None:
    assert files
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in _files(files))
    missing = [name for name in names if not re.search(rf"^(?:def |class )?{name}\b[ (:]", text, re.MULTILINE)]
    assert missing == []


def test_metrics_are_named_in_the_files_that_are_called_so() -> None:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    elsewhere = [
        f"{name}:{node.lineno}"
        for name in listed.stdout.splitlines()
        if not name.startswith(("tests/", "bench/")) and not name.endswith("metrics.py") and (ROOT / name).exists()
        if "prometheus_client" in (source := (ROOT / name).read_text(encoding="utf-8"))
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _METRICS
    ]
    assert elsewhere == []
