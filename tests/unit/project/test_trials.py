"""Every case of `tests/trials/README.md` names tests, and each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache

from contracts.settings import ROOT

_CASES = dict(
    re.findall(
        r"^\| (\d+) \|.*\| (.+) \|$", (ROOT / "tests/trials/README.md").read_text(encoding="utf-8"), re.MULTILINE
    )
)
_OF_TRAINING = range(37, 42)


@cache
def _tests(file: str) -> set[str]:
    path = ROOT / file if file.startswith("tests/") else ROOT / "tests/trials" / file
    return {node.name for node in ast.parse(path.read_text("utf-8")).body if isinstance(node, ast.FunctionDef)}


def test_all_cases_are_there() -> None:
    assert list(map(int, _CASES)) == list(range(1, 46))


def test_every_case_names_tests_that_exist() -> None:
    for case, cell in _CASES.items():
        named = re.findall(r"`([^`:]+)::(test_\w+)`", cell)
        assert len(named) == cell.count("`") // 2 > 0, case
        assert [one for one in named if one[1] not in _tests(one[0])] == [], case
        assert int(case) in _OF_TRAINING or any(not file.startswith("tests/") for file, _ in named), case
