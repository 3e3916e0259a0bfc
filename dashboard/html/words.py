"""English and French: what is written in templates and scripts is the English, and the key of the French."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from fastapi import Request

Language = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")
LANGUAGE_COOKIE: Final = "buzzwatch_language"

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


def language_of(request: Request) -> Language:
    """What was chosen on the page, else what the browser prefers of the two."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    for language in LANGUAGES:
        if chosen == language:
            return language
    preferred = request.headers.get("accept-language", "").lower()
    ranked: list[tuple[float, Language]] = []
    for part in preferred.split(","):
        tag, _, weight = part.strip().partition(";q=")
        ranked += [(_weight(weight), one) for one in LANGUAGES if one == tag.split("-")[0]]
    return max(ranked, key=lambda one: one[0])[1] if ranked else "en"


def _weight(text: str) -> float:
    try:
        return float(text) if text else 1.0
    except ValueError:
        return 0.0
