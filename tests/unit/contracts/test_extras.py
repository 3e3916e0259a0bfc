from __future__ import annotations

import ast
import re
import sys
import tomllib
from typing import Any

import pytest

from contracts.extras import EXTRAS, what_to_install
from contracts.settings import ROOT

ROOMS = (
    "contracts",
    "models",
    "alerts",
    "stream",
    "learning",
    "api",
    "dashboard",
    "local",
    "demo",
    "cli",
    "bootstrap",
    "training",
)

# Package → module, where the names differ.
_MODULES = {
    "confluent-kafka": "confluent_kafka",
    "faust-streaming": "faust",
    "kafka-python": "kafka",
    "mlflow-skinny": "mlflow",
    "opentelemetry-api": "opentelemetry",
    "ruamel.yaml": "ruamel",
}
_THEIRS = {"aiohttp", "mode", "httpcore", "llvmlite", "pydantic_core", "starlette"}
"""What our dependencies cannot be without: of faust, httpx, numba, pydantic and FastAPI."""


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        project: dict[str, Any] = tomllib.load(file)["project"]
    return project


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[<>=!\[; ]", one, maxsplit=1)[0] for one in requirements}


def _imported(room: str) -> set[str]:
    """The top-level modules that the room's files name, wherever in them."""
    found: set[str] = set()
    for path in (ROOT / room).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.partition(".")[0])
    return found


def test_each_optional_package_is_in_the_extra_that_is_named() -> None:
    extras = {name: _names(requirements) for name, requirements in _project()["optional-dependencies"].items()}
    assert {module: named for module, named in EXTRAS.items() if named[0] not in extras[named[1]]} == {}


def test_every_module_that_may_be_missing_has_advice() -> None:
    """What is imported and neither Python's, ours nor a plain dependency."""
    always = {_MODULES.get(name, name.replace("-", "_")) for name in _names(_project()["dependencies"])} | _THEIRS
    known = always | set(EXTRAS) | set(ROOMS) | {"bench", "tests"} | set(sys.stdlib_module_names)
    for room in ROOMS:
        assert _imported(room) - known == set(), room


@pytest.mark.parametrize(
    ("module", "extra"), [("scipy.stats", "train"), ("supervisor", "local"), ("tokenizers", "onnx")]
)
def test_the_advice_names_the_package_and_its_extra(module: str, extra: str) -> None:
    advice = what_to_install(module)
    assert advice is not None
    assert f"buzzwatch[{extra}]" in advice
    assert "\n" not in advice


def test_a_module_of_no_extra_has_no_advice() -> None:
    assert what_to_install("contracts.nosuch") is None
    assert what_to_install(None) is None
