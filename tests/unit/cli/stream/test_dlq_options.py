from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

from cli.stream import dlq
from contracts.errors import InvalidRecord


@pytest.mark.parametrize("command", [["list"], ["replay", "--dry-run"]])
def test_an_error_class_that_there_is_not_is_refused_with_those_that_there_are(command: list[str]) -> None:
    done = CliRunner().invoke(dlq.app, [*command, "--error-class", "Nonsense"], env={"COLUMNS": "300"})
    assert done.exit_code == 2
    _, _, named = done.output.partition("is not one of")
    assert set(re.findall(r"'(\w+)'", named)) == {one.__name__ for one in InvalidRecord.__subclasses__()}
