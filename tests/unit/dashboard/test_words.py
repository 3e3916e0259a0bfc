from __future__ import annotations

import re
import string

from contracts.settings import ROOT
from dashboard.html.rendering import PAGES
from dashboard.html.words import FRENCH, translator, words_of

DASHBOARD = ROOT / "dashboard"
_IN_TEMPLATE = re.compile(r"""\b(?:t\(|back\(\s*request, room, )"((?:[^"\\]|\\.)+)\"""")
BY_NAME = {title for _, title, _ in PAGES} | {
    *("negative", "neutral", "positive", "critical", "warning", "info"),
    *("pending", "firing", "resolved", "voices", "texts", "tweets", "above usual", "as usual", "no tweets"),
    *("last hour", "last day", "last week", "last month", "ok", "degraded", "down", "exhausted", "waiting"),
    *(
        "this version carries no reference of its answers on held-out tweets",
        "this version has answered nothing in this time",
    ),
    *("model", "rules", "scoring", "counting", "shadow", "canary", "promoted", "rolled back", "stopped"),
    *("better", "worse", "cannot tell yet", "negative recall", "challenger"),
}
"""Words that templates look up by a value."""


def said() -> set[str]:
    found = set(BY_NAME)
    for file in [*(DASHBOARD / "templates").glob("*.html"), *DASHBOARD.rglob("*.py")]:
        found |= set(_IN_TEMPLATE.findall(file.read_text(encoding="utf-8")))
    for file in (DASHBOARD / "static").glob("*.js"):
        found |= words_of(file.read_text(encoding="utf-8"))
    return found - {"English"}  # the example in dashboard/__init__.py


def test_everything_has_a_french_text_and_no_french_text_is_left_over() -> None:
    assert said() - set(FRENCH) == set()
    assert set(FRENCH) - said() == set()


def test_both_languages_fill_in_the_same_values() -> None:
    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text)} - {None}

    assert [text for text, french in FRENCH.items() if places(text) != places(french)] == []


def test_a_text_is_filled_in() -> None:
    assert translator("fr")("{n} new", n=3) == "nouveaux\u202f: 3"
    assert translator("en")("{n} new", n=3) == "3 new"
