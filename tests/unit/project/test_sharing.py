"""How tests are dealt out to processes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from contracts.settings import ROOT
from tests.sharing import TOGETHER, WITHOUT_SERVERS, fills_gaps, longest_first, processes

SERVERS = {"kafka_servers", "create_topics", "mlflow_uri", "registering", "own_kafka", "own_mlflow", "stack"}
"""Fixtures whose servers other processes wait for."""


def asked_for(file: Path) -> set[str]:
    """Fixtures that tests and fixtures of a file ask for."""
    functions = [one for one in ast.walk(ast.parse(file.read_text())) if isinstance(one, FUNCTIONS)]
    asking = [one for one in functions if one.name.startswith("test_") or "fixture" in map(named, one.decorator_list)]
    return {argument.arg for one in asking for argument in one.args.args}


def named(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else ""


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def test_what_fills_gaps_asks_for_no_server_that_others_wait_for() -> None:
    files = [file for path in WITHOUT_SERVERS for file in (ROOT / path, *(ROOT / path).rglob("*.py")) if file.is_file()]
    assert len(files) > 200
    assert {file.name: found for file in files if (found := asked_for(file) & SERVERS)} == {}


def test_every_place_that_the_dealing_names_is_there() -> None:
    named = [path for paths in TOGETHER.values() for path in paths]
    assert [path for path in (*named, *WITHOUT_SERVERS) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ("tests/chaos/test_poison.py::a", "tests/trials/dashboard/test_now.py::a"),
        ("tests/trials/dashboard/test_now.py::a", "tests/trials/image/test_image.py::a"),
        ("tests/trials/image/test_image.py::a", "tests/trials/test_feedback.py::a"),
        ("tests/e2e/test_promotion.py::a", "tests/integration/api/test_keys.py::a"),
        (
            "tests/integration/training/registry/test_promotion.py::a",
            "tests/integration/training/deep/test_mpnet.py::a",
        ),
        ("tests/integration/cli/training/test_training.py::a", "tests/unit/training/linear/test_train.py::a"),
        ("tests/behavioural/test_themes.py::a", "tests/unit/api/test_pages.py::a"),
    ],
)
def test_what_waits_long_begins_before_what_can_fill_gaps(first: str, then: str) -> None:
    assert longest_first(first) < longest_first(then)


def test_one_process_more_fills_gaps_where_others_wait() -> None:
    alone = processes() - 1
    assert alone >= 1
    numbers = range(alone + 1)
    filling = [fills_gaps({"workercount": alone + 1, "workerid": f"gw{number}"}) for number in numbers]
    assert filling == [False] * alone + [True]
    assert not fills_gaps({"workercount": alone, "workerid": f"gw{alone - 1}"})
