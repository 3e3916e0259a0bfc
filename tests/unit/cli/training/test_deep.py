"""The command that a stored result names makes it again."""

from __future__ import annotations

import pytest
import typer

from cli.training.deep import recurrent, student, transformer
from cli.training.options import command_of


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        ("recurrent", "recurrent"),
        ("recurrent --model cnn --vocabulary 200 --seed 3", "recurrent --model cnn --vocabulary 200 --seed 3"),
        ("transformer --batch 8 --seed 1 --minutes 0.5", "transformer --minutes 0.5 --batch 8 --seed 1"),
        ("student --teacher a --teacher b --vocabulary 99999", "student --teacher a --teacher b --vocabulary 99999"),
        ("recurrent --as litert --out build/a --work w", "recurrent --work w --as litert --out build/a"),
        ("recurrent --no-register --alias x --results r --format json --model bigru", "recurrent"),
    ],
)
def test_a_stored_command_has_every_option_that_is_not_its_default(given: str, noted: str) -> None:
    app = typer.Typer()
    for command in (recurrent, transformer, student):
        app.command()(command)
    family, *options = given.split()
    group = typer.main.get_command(app)
    found = group.get_command(typer.Context(group), family)  # type: ignore[attr-defined]
    # The folder of the data is where the reader has them: it is left out.
    assert command_of(found.make_context(family, ["--data-dir", "own", *options])) == f"buzzwatch train {noted}"
