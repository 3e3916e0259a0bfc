"""Nothing of the machine on which this is written is part of it: a clone in any folder reads and runs the same."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from cli.main import app as command
from contracts.settings import ROOT

_UPWARD = re.compile(r"(?<![\w./])(?:\.\./)+[\w./-]*")
_SOMEBODYS = re.compile(r"(?<![\w./])/(?:work|home|root|Users)/[\w.-]+")
_REGISTRIES = re.compile(r"\b(?:pypi\.org|pythonhosted\.|registry\.npmjs|repo1?\.maven\.|cdnjs\.|jsdelivr\.|unpkg\.)")
_EXAMPLE = re.compile(r"^ *buzzwatch (.+)$", re.MULTILINE)


def _files() -> Iterator[tuple[Path, str]]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        path = ROOT / name
        if name.startswith("tests/") or not path.exists():
            continue
        try:
            yield path, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # pictures and weights


def _commands(group: Any, path: str = "buzzwatch") -> Iterator[tuple[str, Any]]:
    yield path, group
    for name in group.list_commands(None) if hasattr(group, "list_commands") else ():
        yield from _commands(group.get_command(None, name), f"{path} {name}")


def test_no_file_names_a_folder_outside_the_repository() -> None:
    outside = [
        f"{path.relative_to(ROOT)}: {found}"
        for path, text in _files()
        for found in _UPWARD.findall(text)
        if not (path.parent / found).resolve().is_relative_to(ROOT)
    ]
    assert outside == []


def test_no_file_names_somebodys_folder() -> None:
    found = [f"{path.relative_to(ROOT)}: {one}" for path, text in _files() for one in _SOMEBODYS.findall(text)]
    assert found == []


def test_no_option_has_a_folder_outside_the_repository_as_its_default() -> None:
    defaults = {
        f"{path} {parameter.name}": parameter.default
        for path, one in _commands(typer.main.get_command(command))
        for parameter in one.params
        if isinstance(parameter.default, Path)
    }
    assert len(defaults) > 3
    outside = {name: folder for name, folder in defaults.items() if not (ROOT / folder).resolve().is_relative_to(ROOT)}
    assert outside == {}


def test_an_example_names_the_tweets_where_the_command_needs_them() -> None:
    examples, without = 0, []
    for path, one in _commands(typer.main.get_command(command)):
        needed = [parameter for parameter in one.params if parameter.required and parameter.param_type_name == "option"]
        for example in _EXAMPLE.findall(one.help or ""):
            examples += 1
            without += [
                f"{path}: {example} is without {parameter.opts[0]}"
                for parameter in needed
                if not {*parameter.opts, *parameter.secondary_opts} & set(example.split())
            ]
    assert examples > 50
    assert without == []


def test_no_file_names_the_host_of_a_package_registry_or_of_a_cdn() -> None:
    found = [f"{path.relative_to(ROOT)}: {one}" for path, text in _files() for one in _REGISTRIES.findall(text)]
    assert found == []
