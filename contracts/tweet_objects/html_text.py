"""The text of a Mastodon status, which comes as HTML."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Final

MAX_HTML: Final = 200_000
"""Longest HTML that is read, code points: twenty times the longest text."""
_LINES: Final = frozenset({"br", "li"})
_PARAGRAPHS: Final = frozenset({"p", "ul", "ol", "blockquote", "pre"})
_NO_TEXT: Final = frozenset({"script", "style"})


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
        ValueError: longer than MAX_HTML, or a declaration that cannot be parsed.
    """
    if len(html) > MAX_HTML:
        raise ValueError(f"{len(html):,} characters of HTML, the limit is {MAX_HTML:,}")
    parser = _Text()
    try:
        parser.feed(html)
        parser.close()
    except AssertionError as error:  # what html.parser does about `<![x[`, in the Pythons that do not skip it
        raise ValueError(str(error)) from None
    return "".join(parser.parts).strip()
