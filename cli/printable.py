"""What strangers have written, for a terminal: it must not steer one."""

from __future__ import annotations

import json
from typing import Any

from rich.markup import escape


def printable(text: str) -> str:
    """Control characters as their escapes (`\\x1b`), but lines and tabs stay."""
    return "".join(
        letter if letter.isprintable() or letter in "\n\t" else letter.encode("unicode_escape").decode()
        for letter in text
    )


def cell(text: str) -> str:
    """The same for a cell of a table, where brackets are no markup either."""
    return escape(printable(text))


def printable_json(value: Any) -> str:
    """JSON for people and programs: in letters where they can be printed, else in JSON's own escapes."""
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return "".join(letter if letter.isprintable() or letter == "\n" else json.dumps(letter)[1:-1] for letter in text)
