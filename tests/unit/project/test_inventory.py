from __future__ import annotations

import json

import pytest

from tests.unit.project.inventory import RECORDED, inventory


@pytest.fixture(scope="module")
def today() -> dict[str, list[str]]:
    return inventory()


@pytest.mark.parametrize("kind", list(json.loads(RECORDED.read_text(encoding="utf-8"))))
def test_nothing_that_users_rely_on_has_gone(kind: str, today: dict[str, list[str]]) -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))[kind]
    assert recorded
    assert sorted(set(recorded) - set(today[kind])) == []
