from __future__ import annotations

from typing import get_args

from typer.testing import CliRunner

from cli.stream import dlq
from contracts.errors import InvalidRecord


def test_the_error_classes_to_ask_for_are_those_that_there_are() -> None:
    named, _ = get_args(get_args(dlq._ErrorClass)[0])
    assert set(get_args(named)) == {one.__name__ for one in InvalidRecord.__subclasses__()}


def test_an_error_class_that_there_is_not_is_refused_with_the_right_ones() -> None:
    for command in (["list"], ["replay", "--dry-run"]):
        done = CliRunner().invoke(dlq.app, [*command, "--error-class", "Nonsense"])
        assert done.exit_code == 2
        assert "ModelFailure" in done.output
