"""What other parts of the product say in one line (an alert, the gate, an estimate, a verdict, a trial), in French."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from pathlib import Path
from typing import Final

from api.language import Language
from dashboard.html.words import FRENCH

LINES: Final[dict[str, str]] = json.loads(
    (Path(__file__).resolve().parent / "french_lines.json").read_text(encoding="utf-8")
)
"""English sentence with `{values}` → French one; values may be sentences of this kind, too."""
_PLACE: Final = re.compile(r"\{(\w+)\}")
_NUMBER: Final = re.compile(r"([+-]?\d{1,3}(?:,\d{3})*)(?:\.(\d+))?(%?)")


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = _PLACE.split(sentence)
    number = r"[\d,.]+"
    values = {"n": number, "total": number, "m": number, "all": number, "unit": r"(?!of )[\w ]+", "metric": r"[\w ]+"}
    values |= {"challenger": number, "champion": number, "span": r"[\d.]+(?: \w+)?"}
    literal = [
        re.escape(part) if at % 2 == 0 else f"(?P<{part}>{values.get(part, '.*?')})" for at, part in enumerate(parts)
    ]
    return re.compile("".join(literal), re.DOTALL)


# The one with most words of its own first: it says most.
_PATTERNS: Final = [
    (_pattern(english), french)
    for english, french in sorted(LINES.items(), key=lambda one: -len(_PLACE.sub("", one[0])))
]


@lru_cache(1000)
def line_in(language: Language, text: str) -> str:
    """The line in this language; one without French stays English."""
    if language == "en" or not text:
        return text
    if text in FRENCH:
        return FRENCH[text]
    if number := _NUMBER.fullmatch(text):
        whole, digits, sign = number.groups()
        return whole.replace(",", "\u202f") + (f",{digits}" if digits else "") + ("\u202f%" if sign else "")
    for pattern, french in _PATTERNS:
        if found := pattern.fullmatch(text):
            return french.format(**{name: line_in(language, value) for name, value in found.groupdict().items()})
    # What stands between semicolons, or before the full stop, may be known where the whole is not.
    if "; " in text:
        return " ; ".join(line_in(language, part) for part in text.split("; "))
    return line_in(language, text[:-1]) + "." if text.endswith(".") else text
