"""What made tests fail on a busy machine, each time another one, is not written any more."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from contracts.settings import ROOT

_TESTS = ROOT / "tests"
_REQUESTS = {"get", "post", "put", "patch", "delete", "head", "options", "request", "stream", "Client", "AsyncClient"}


def _calls(folder: Path) -> Iterator[tuple[str, ast.Call]]:
    """The calls in the modules of a folder: where each is, and it."""
    for file in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{file.relative_to(_TESTS)}:{node.lineno}", node


def test_no_request_gives_up_after_the_five_seconds_that_httpx_has_by_itself() -> None:
    folders = [_TESTS / name for name in ("integration", "trials", "e2e", "chaos")]
    calls = [found for folder in folders for found in _calls(folder)]
    asked = [
        (where, call)
        for where, call in calls
        if isinstance(call.func, ast.Attribute)
        and isinstance(call.func.value, ast.Name)
        and (call.func.value.id, call.func.attr in _REQUESTS) == ("httpx", True)
    ]
    assert asked
    assert [where for where, call in asked if "timeout" not in {one.arg for one in call.keywords}] == []


def test_keys_are_pressed_on_pages_that_listen() -> None:
    """By `press` of the folder's conftest.py: a key that comes before a page's scripts is lost."""
    pressed = [where for where, call in _calls(_TESTS / "trials" / "dashboard") if ".keyboard.press" in _name(call)]
    assert [where.partition(":")[0] for where in pressed] == ["trials/dashboard/conftest.py"]


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func)
