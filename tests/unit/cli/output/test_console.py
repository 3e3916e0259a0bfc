from __future__ import annotations

import json
import os
import sys

import pytest
from rich.text import Text

from cli.output.console import cell, end_without_reader
from contracts.printable import printable, printable_json

NASTY = "a\x1b]0;title\x07 \x9b2J \u202e [red]b[/]\n\tcaf\u00e9 \U0001f600"


def test_control_characters_are_shown_as_escapes_and_letters_stay() -> None:
    assert printable(NASTY) == "a\\x1b]0;title\\x07 \\x9b2J \\u202e [red]b[/]\n\tcaf\u00e9 \U0001f600"


def test_a_cell_has_no_markup() -> None:
    assert Text.from_markup(cell(NASTY)).plain == printable(NASTY)


def test_json_says_the_same_without_what_steers_a_terminal() -> None:
    text = printable_json({"text": NASTY})
    assert json.loads(text) == {"text": NASTY}
    assert all(letter.isprintable() or letter == "\n" for letter in text)
    assert "caf\u00e9 \U0001f600" in text


def test_who_waits_for_more_ends_when_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "w") as out:
        monkeypatch.setattr(sys, "stdout", out)
        end_without_reader()
        os.close(read_end)
        with pytest.raises(BrokenPipeError):
            end_without_reader()
