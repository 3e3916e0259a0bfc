"""The text of a Mastodon status, which is HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from contracts.texts import unescaped

MAX_HTML: Final = 200_000
"""Longest HTML that is read, code points: twenty times the longest text."""
_LINES: Final = frozenset({"li", "tr", "dt", "dd", "hr"})
_PARAGRAPHS: Final = frozenset(
    {"p", "ul", "ol", "dl", "blockquote", "pre", "div", "table", "h1", "h2", "h3", "h4", "h5", "h6"}
)
_NO_TEXT: Final = {name: re.compile(f"</{name}(?![^\\s/>])", re.IGNORECASE) for name in ("script", "style")}
"""Elements whose content is no text, and what ends it."""
# Comments, declarations and processing instructions, to the end where they are never closed (HTML Living Standard,
# 13.2.5.41 to 13.2.5.69).
_SAYS_NOTHING: Final = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^>]*(?:>|\Z)|</(?![a-zA-Z])[^>]*(?:>|\Z)", re.DOTALL)
# Each `<` is looked at once, whatever stands behind it: Python's `html.parser` takes a quarter of an hour for 200 kB of
# `<a `, and a worker that reads one such status does nothing else meanwhile.
_BEGINS: Final = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*)")
_TO_ITS_END: Final = re.compile(r"""(?:[^>=]|=\s*(?:"[^"]*"|'[^']*'|))*+>""")
_TO_THE_NEXT: Final = re.compile(r"[^<>]*>")
"""Where a tag or a quote is never closed: one that ends before another begins."""


class _Tag(NamedTuple):
    name: str
    closes: bool


def html_to_text(html: str) -> str:
    """The text: a line break for `<br>`, an empty line between paragraphs; links as the whole URL that Mastodon hides
    in parts.

    Raises:
        ValueError: longer than MAX_HTML.
    """
    if len(html) > MAX_HTML:
        raise ValueError(f"{len(html):,} characters of HTML, the limit is {MAX_HTML:,}")
    parts: list[str] = []
    breaks = 0
    for piece in _pieces(_SAYS_NOTHING.sub("", html)):
        if isinstance(piece, str):
            if piece.strip() or not breaks:
                parts += ("\n" * breaks, unescaped(piece))
                breaks = 0
        elif piece.name in _PARAGRAPHS:
            breaks = max(breaks, 2)
        elif piece.name in _LINES:
            breaks = max(breaks, 1)
        elif piece.name == "br":
            breaks += 1
    return "".join(parts).strip()


def _pieces(html: str) -> Iterator[str | _Tag]:
    """Texts and tags in their order."""
    rest, written, at = _TO_ITS_END, 0, 0
    while (begins := _BEGINS.search(html, at)) is not None:
        ends = rest.match(html, begins.end())
        if ends is None and rest is _TO_ITS_END:
            rest = _TO_THE_NEXT
            continue
        if ends is None:
            at = begins.start() + 1  # no tag but text
            continue
        if written < begins.start():
            yield html[written : begins.start()]
        tag = _Tag(begins[2].lower(), bool(begins[1]))
        yield tag
        written = at = ends.end()
        if tag.name in _NO_TEXT and not tag.closes:
            last = _NO_TEXT[tag.name].search(html, at)
            written = at = len(html) if last is None else last.start()
    if written < len(html):
        yield html[written:]
