from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import typer

from cli.main import COMMANDS, app, main


def _commands() -> Iterator[tuple[str, Any]]:
    """Imports them all: not while tests are collected, which every process does."""
    root: Any = typer.main.get_command(app)
    for name in COMMANDS:
        command = root.get_command(None, name)
        nested = getattr(command, "commands", {})
        yield from ((f"{name} {inner}", found) for inner, found in nested.items())
        if not nested:
            yield name, command


def test_every_command_has_a_summary_and_an_example() -> None:
    helps = {name: command.help.strip() for name, command in _commands()}
    assert len(helps) > 50
    summaries = {name: text.splitlines()[0] for name, text in helps.items()}
    assert {name: said for name, said in summaries.items() if not 10 < len(said) <= 120} == {}
    assert [name for name, text in helps.items() if f"buzzwatch {name}" not in text.partition("Example")[2]] == []


Run = Callable[[list[str]], tuple[int, list[str]]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs `buzzwatch` in this process: the exit status, and the lines on standard error."""

    def run_it(arguments: list[str]) -> tuple[int, list[str]]:
        monkeypatch.setattr(sys, "argv", ["buzzwatch", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capfd.readouterr().err.splitlines()

    yield run_it
    logging.captureWarnings(False)


@pytest.mark.parametrize(
    "arguments", [["frob"], ["dlq", "--frob"], ["consume", "--limit", "x"], ["dlq", "replay", "--since", "yesterday"]]
)
def test_a_mistake_in_the_command_line_is_one_error_line(run: Run, arguments: list[str]) -> None:
    status, said = run(arguments)
    assert status == 2
    assert [line for line in said if line.startswith("Error: ")] == said[-1:]


def _takes_files(command: Any) -> Iterator[str]:
    for parameter in command.params:
        if "Path" in str(parameter.type_descriptor.annotation) and parameter.opts[0].startswith("--"):
            yield parameter.opts[0]


def test_an_empty_file_name_is_not_the_current_folder(run: Run) -> None:
    """As an unset variable of a shell is written."""
    asked = [(name, option) for name, command in _commands() for option in _takes_files(command)]
    assert len(asked) > 20
    for name, option in asked:
        if name == "train" or not name.startswith("train "):  # whose commands are made when it is called
            status, said = run([*name.split(), option, ""])
            assert status == 2, name
            assert f"{option}'" in said[-1]
            assert "is empty" in said[-1]


def test_a_watch_that_the_rules_do_not_have_is_refused_with_the_nearest(run: Run) -> None:
    status, [line] = run(["consume", "--watch", "air-paridis"])
    assert status == 1
    assert "has no watch 'air-paridis'; did you mean air-paradis?" in line


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["consume"], {"KAFKA__SECURITY_PROTOCOL": "SSL", "KAFKA__SSL_CAFILE": "/nowhere"}),
        (["dlq", "replay", "--all"], {}),
        (["alerts", "list"], {"REDIS__URL": "redis://127.0.0.1:port/0"}),
    ],
)
def test_what_is_away_or_wrong_is_one_line(
    run: Run, arguments: list[str], variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1"} | variables).items():
        monkeypatch.setenv(f"BUZZWATCH_{name}", value)
    status, [line] = run(arguments)
    assert status == 1
    assert line.startswith("buzzwatch: ")
