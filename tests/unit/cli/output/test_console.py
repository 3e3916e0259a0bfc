from __future__ import annotations

import json

from rich.text import Text

from cli.output.console import cell
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
