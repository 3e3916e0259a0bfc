"""Tests use what the product's modules offer, so that its inside can change without them."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.settings import ROOT

_PRIVATE = re.compile(r"(^|\.)_(?!_)\w+$")
_OF_NAMED_TUPLES = {"_replace", "_asdict", "_fields", "_make"}
"""Documented; the underscore keeps them apart from the fields."""
_CONSTANTS = "KafkaError"
"""confluent-kafka documents its local error codes with an underscore: `KafkaError._PARTITION_EOF`."""
_REPLACERS = {"setattr", "getattr", "delattr", "hasattr", "patch", "object"}


def _uses(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """The private names that are imported, read or replaced, but for those of `self`."""
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                for alias in names:
                    if any(_PRIVATE.search(part) for part in alias.name.split(".")):
                        yield node.lineno, alias.name
            case ast.Attribute(value=value, attr=attr) if _PRIVATE.search(attr) and attr not in _OF_NAMED_TUPLES:
                if not (isinstance(value, ast.Name) and value.id in {"self", "cls", _CONSTANTS}):
                    yield node.lineno, ast.unparse(node)
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=arguments):
                texts = [one.value for one in arguments[:2] if isinstance(one, ast.Constant)] if arguments else []
                if called in _REPLACERS:
                    for text in texts:
                        if isinstance(text, str) and _PRIVATE.search(text):
                            yield node.lineno, text


def test_no_test_uses_a_private_name() -> None:
    listed = subprocess.run(["git", "ls-files", "tests/*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    assert Path(__file__) in files
    used = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files
        for line, name in _uses(ast.parse(file.read_text(encoding="utf-8")))
    ]
    assert used == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("from a.b import _c", ["_c"]),
        ("import a._b", ["a._b"]),
        ("a.b()._c(1)", ["a.b()._c"]),
        ("monkeypatch.setattr(module, '_c', 1)", ["_c"]),
        ("monkeypatch.setattr('a.b._c', 1)", ["a.b._c"]),
        ("getattr(role, '_thread')", ["_thread"]),
        ("self._a, row._replace(a=1), KafkaError._STATE, a.__name__, print('_c')", []),
    ],
)
def test_private_names_are_seen(source: str, found: list[str]) -> None:
    assert [name for _, name in _uses(ast.parse(source))] == found
