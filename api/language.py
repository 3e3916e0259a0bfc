"""Which of the two languages of the pages a browser gets."""

from __future__ import annotations

from typing import Final, Literal

from starlette.requests import Request

Language = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")
LANGUAGE_COOKIE: Final = "buzzwatch_language"


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
