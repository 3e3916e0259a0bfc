"""The words of one text as the hashed models clean it; `models.linear.kernels.clean` does the same, compiled."""

from __future__ import annotations

import re

from models.linear.constants import MENTION, URL

_ENTITIES = {b"&amp;": b"&", b"&lt;": b"<", b"&gt;": b">"}
_CAPITALS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ123456789", b"abcdefghijklmnopqrstuvwxyz000000000")
_REPEATED = re.compile(rb"([\x00-\x7f])\1\1+", re.DOTALL)

_TOKEN = re.compile(
    rb"""
      (?P<dropped> ' | \xe2\x80[\x98\x99] | \xe2\x80\x8d | \xef\xb8\x8f | \xf0\x9f\x8f[\xbb-\xff] )
    | (?P<space>   [\x00-\x20\x7f] | \xc2[\x80-\xbf] | \xe2\x80[\x80-\xbf] )
    | (?P<url>     (?i:www\.|https?://|https?(?=[\x00-\x20]|$))[^\x00-\x20\x7f]* )
    | (?P<mention> @[A-Za-z0-9_]+ )
    | (?P<entity>  &(?:amp|lt|gt); )
    | (?P<symbol>  \xe2[\x80-\xbf]{2} | [\xf0-\xff][\x00-\xff]{3} )
    | (?P<capital> \xc3[\x80-\x96\x98-\x9e] )
    | (?P<word>    [A-Za-z0-9_\x80-\xff] )
    | (?P<mark>    . )
    """,
    re.VERBOSE | re.DOTALL,
)


def tokens(data: bytes) -> list[bytes]:
    """The cleaned tokens of one text in UTF-8."""
    found: list[bytes] = []
    run = b""
    run_kind = ""

    def close() -> None:
        nonlocal run, run_kind
        if run:
            found.append(_REPEATED.sub(rb"\1\1", run))
        run, run_kind = b"", ""

    at = 0
    while at < len(data):
        match = _TOKEN.match(data, at)
        assert match is not None  # the last alternative takes any byte
        kind, piece = str(match.lastgroup), match[0]
        if kind == "url" and run_kind == "word":
            # "xhttp://a" is a word, then a mark: only its first letter belongs to the run
            kind, piece = "word", piece[:1]
        at += len(piece)
        if kind == "dropped":
            continue
        if kind in ("space", "url", "mention"):
            close()
            if kind != "space":
                found.append(bytes([URL if kind == "url" else MENTION]))
            continue
        if kind == "entity":
            kind, piece = "mark", _ENTITIES[piece]
        elif kind == "capital":
            kind, piece = "word", bytes([piece[0], piece[1] + 32])
        if kind != run_kind or kind == "symbol":
            close()
        run += piece.translate(_CAPITALS) if kind == "word" else piece
        run_kind = kind
    close()
    return found
