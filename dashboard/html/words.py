"""English and French: what is written in templates and scripts is the English, and the key of the French."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Final

from api.language import Language

_FOLDER: Final = Path(__file__).resolve().parent
# No line begins with a French semicolon: the space before it is narrow, and does not break.
FRENCH: Final[dict[str, str]] = {
    english: re.sub(r" (?=[;:?!»])|(?<=«) ", "\u202f", french)
    for english, french in json.loads((_FOLDER / "french.json").read_text(encoding="utf-8")).items()
}
_IN_SCRIPT: Final = re.compile(r"""\bword\(\s*"((?:[^"\\]|\\.)+)\"""")


def words_of(script: str) -> set[str]:
    """What a script says to people."""
    return set(_IN_SCRIPT.findall(script))


def translator(language: Language) -> Callable[..., str]:
    """`t("{n} new", n=3)` in this language; a text without French stays English."""

    def t(text: str, **values: object) -> str:
        said = FRENCH.get(text, text) if language == "fr" else text
        return said.format(**values) if values else said

    return t
