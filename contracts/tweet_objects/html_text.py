"""The text of a Mastodon status, which is HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Final

MAX_HTML: Final = 200_000
"""Longest HTML that is read, code points: twenty times the longest text."""
_LINES: Final = frozenset({"br", "li"})
_PARAGRAPHS: Final = frozenset({"p", "ul", "ol", "blockquote", "pre"})
_NO_TEXT: Final = frozenset({"script", "style"})
# Comments, declarations and processing instructions, to the end where they are never closed (HTML Living Standard,
# 13.2.5.41 to 13.2.5.69).
_SAYS_NOTHING: Final = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)|</(?![a-zA-Z])[^>]*(?:>|\Z)", re.DOTALL)
_NO_TAG: Final = re.compile(r"<(?![a-zA-Z/])")


class _Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002, as overridden
        self._silent += tag in _NO_TEXT
        if tag in _LINES:
            self.parts.append("\n")
        elif tag in _PARAGRAPHS:
            self.parts.append("\n\n")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _NO_TEXT and self._silent > 0

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def html_to_text(html: str) -> str:
    """The text: a line break for `<br>`, an empty line between paragraphs; links as the whole URL that Mastodon hides
    in parts.

    Raises:
        ValueError: longer than MAX_HTML.
    """
    if len(html) > MAX_HTML:
        raise ValueError(f"{len(html):,} characters of HTML, the limit is {MAX_HTML:,}")
    # Before `html.parser`, which looks anew for the end of each of them: minutes for 200 kB of `<!--`.
    html = _NO_TAG.sub("&lt;", _SAYS_NOTHING.sub("", html))
    parser = _Text()
    parser.feed(html)
    parser.close()
    return "".join(parser.parts).strip()
