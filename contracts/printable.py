"""Makes text of unknown authors safe for a terminal or a log, which it must not control.

ESC and the other control characters (C0 and C1) move the cursor, set the title or write to the clipboard; marks of
direction (U+202A to U+202E, U+2066 to U+2069) make a line read as another one.
"""

from __future__ import annotations

import difflib
import json
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

_KEPT: Final = frozenset("\n\t\u200c\u200d")
"""Line, tab, and the two joiners without which Persian words and many emoji fall apart."""


def _is_safe(letter: str) -> bool:
    return letter.isprintable() or letter in _KEPT or unicodedata.category(letter) == "Zs"


def printable(text: str) -> str:
    """Control characters as their escapes (`\\x1b`), but lines and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        letter if _is_safe(letter) else letter.encode("unicode_escape", "surrogatepass").decode() for letter in text
    )


def printable_line(text: str) -> str:
    """The same on one line: white space of every kind becomes a space."""
    return printable(" ".join(text.split()))


def safe_json(text: str) -> str:
    """JSON text whose strings hold no character that steers a terminal: they become JSON's own escapes."""
    if text.isprintable():
        return text
    return "".join(letter if _is_safe(letter) else json.dumps(letter)[1:-1] for letter in text)


def printable_json(value: Any, indent: int | None = 2) -> str:
    """JSON for people and programs: in letters where they can be printed, else in JSON's own escapes."""
    return safe_json(json.dumps(value, ensure_ascii=False, indent=indent))


def did_you_mean(name: str, names: Iterable[str]) -> str:
    """A question with the name that is nearest to another one, and a blank behind it; empty where none is near."""
    near = difflib.get_close_matches(name, list(names), n=1)
    return f"did you mean {near[0]}? " if near else ""


def markdown_text(text: str) -> str:
    """Words of others as words: no table, link or line of Markdown."""
    return "".join(f"\\{sign}" if sign in "|[]*_`<>#\\" else sign for sign in " ".join(text.split()))


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table, whose cells are Markdown already."""
    first, *others = (f"| {' | '.join(cells)} |" for cells in (head, *rows))
    return [first, "|---" * len(head) + "|", *others]
