"""Masking what points to a person: handles, links, e-mail addresses, phone numbers, accounts, bookings; hashtags stay.

`@user` for a handle (as in TweetEval), `<url>`, `<email>`, `<phone>`, `<account>` for an IBAN, `<code>` for a booking
reference that is called one. A masked text is its own mask. Not taken for phone numbers: flight numbers (AF1234),
prices, years, dates, times, and seven digits without an area code. How well: docs/privacy.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from models.text.batch import TextBatch
from models.text.masking_kernel import CLASSES, TOP_LEVEL, mask_all

_REST = r'[^\s\x00<>"]*[^\s\x00<>".,;:!?)\]}\'…]'
_PHONE = r"""
    (?<=[0-9])(?<![\w$€£¥#].)(?=[ .()/0-9-]{7})(?:                 # not in a word, a price or a tag
      (?<=1)[ .-]?\(?[2-9][0-9]{2}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{4}  # 1-800-555-0199
    | (?<=[2-9])[0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{4}               # 555-010-0199
    | (?<=0)0[1-9](?:[ .-]?[0-9]){9,13}                            # 0033 6 12 34 56 78
    | (?<=0)[1-9](?P<gap>[ .-]?)[0-9]{2}(?:(?P=gap)[0-9]{2}){3}    # 06 12 34 56 78
    | (?<=0)[1-9][0-9]{1,3}[ /-][0-9]{3,4}[ -]?[0-9]{3,4}          # 020 7946 0018, 07700 900123
    | (?<=0)[1-9][0-9]{1,2}[ /-][0-9]{2,3}(?:[ -]?[0-9]{2}){2}     # 0470 12 34 56, 079 123 45 67, 070-123 45 67
    | (?<=0)[1-9][ -][0-9]{8}                                      # 06-12345678
    | (?<=[679])[0-9]{2}(?P<step>[ -])[0-9]{3}(?P=step)[0-9]{3}    # 612 345 678
    )(?![0-9])
  | (?<=\+)[1-9](?:[ .()/-]{0,2}[0-9]){7,14}(?![0-9])              # +33 6 12 34 56 78: E.164, 8 to 15 digits
  | (?<=\()(?:0[1-9][0-9]{1,3}|[2-9][0-9]{2})\)[ .-]?[0-9]{3,4}[ .-]?[0-9]{4}(?![0-9])  # (555) 010-0199
"""
_TOP = "|".join(TOP_LEVEL)
_ACCENTED = "\u00c0-\u024f\u0370-\u052f"
# The first element is a plain set: re skips to the next of these characters in a tight loop, and none of them is
# a letter, so most of a tweet costs nothing. What lies left of the trigger (a scheme, a host, the local part of an
# address) is added afterwards, because looking for it first would start an attempt at every word.
_PERSONAL = re.compile(
    rf"""[@＠:./0-9+(](?:
        (?<=[0-9+(])(?:
            (?<=[A-Z]{{2}}[0-9])(?<![^\W_][A-Z]{{2}}[0-9])
              (?P<account>[0-9](?:[ ]?[A-Z0-9]{{4}}){{3,7}}(?:[ ]?[A-Z0-9]{{1,3}})?(?![^\W_]))
          | (?P<phone>{_PHONE})
          | (?:(?<=[A-Z][0-9])|(?<=[0-9])(?=[0-9]{{0,4}}[A-Z]))(?P<code>[A-Z0-9]{{0,5}}(?![^\W]))
        )
      | (?<=[@＠])(?:(?<=[\w.+-].)(?P<email>[\w-]++(?:\.[\w-]+)+)
                 |(?P<handle>(?:[A-Za-z0-9_][A-Za-z0-9_{_ACCENTED}]*|[^\W\d_]\w*)
                             (?:(?:\.[A-Za-z0-9-]+)*\.(?:{_TOP})(?![\w.@-]))?))
      | (?<=\.)(?:
            (?<=[wW]{{3}}\.)(?<![^\W\d_][wW]{{3}}\.)(?P<host>{_REST})
          | (?<=[\w-]\.)(?P<domain>(?:{_TOP})(?![\w@-]|\.[\w-])(?:[/:?]{_REST})?)
        )
      | (?<=[A-Za-z]:)//(?P<url>{_REST})
      | (?:(?<=\.[A-Za-z]{{2}}/)|(?<=\.[A-Za-z]{{3}}/))(?P<path>{_REST})
    )""",
    re.VERBOSE,
)
_TOKENS = {
    "host": "<url>",
    "domain": "<url>",
    "email": "<email>",
    "handle": "@user",
    "url": "<url>",
    "path": "<url>",
    "account": "<account>",
    "phone": "<phone>",
}
_LEFT = {
    "host": re.compile(r"[wW]"),
    "domain": re.compile(r"[\w.-]"),
    "email": re.compile(r"[\w.+-]"),
    "url": re.compile(r"[A-Za-z]"),
    "path": re.compile(r"[\w.-]"),
    "account": re.compile(r"[A-Z]"),
}
_CAPITALS: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_FLIGHT = re.compile(r"[A-Z0-9]{2}[0-9]{4}")
_CODE: Final = 6
"""Characters of a booking reference (a record locator of an airline)."""
_BEFORE: Final = 60
_BOOKED = re.compile(
    r"(?:\b(?:booking|reservation|réservation|confirmation|reference|ref|locator|pnr|dossier|buchung\w*|reserva)\b)"
    r"\W+(?:[\w<>]+\W+){0,3}$",
    re.IGNORECASE,
)


def mask(text: str) -> str:
    """`text` with what points to a person replaced; idempotent."""
    pieces: list[str] = []
    done = 0
    for match in _PERSONAL.finditer(text):
        kind = match.lastgroup or ""
        start, end = match.span()
        if kind == "code":
            while start > done and text[start - 1] in _CAPITALS:
                start -= 1
            if not _is_booking(text, start, end, "".join(pieces[-8:]) + text[done:start]):
                continue
            pieces += (text[done:start], "<code>")
            done = end
            continue
        if kind in _LEFT:
            belongs = _LEFT[kind].match
            while start > done and belongs(text, start - 1):
                start -= 1
        pieces += (text[done:start], _TOKENS[kind])
        done = end
    if not done:
        return text
    pieces.append(text[done:])
    return "".join(pieces)


def _is_booking(text: str, start: int, end: int, before: str) -> bool:
    """Whether `text[start:end]` is a booking reference and is called one.

    Args:
        before: what stands left of it, masked.
    """
    return (
        end - start == _CODE
        and not (start and (text[start - 1].isalnum() or text[start - 1] in "_#@<"))
        and any(letter.isalpha() for letter in text[start:end])
        and not _FLIGHT.fullmatch(text, start, end)
        and _BOOKED.search(before[-_BEFORE:]) is not None
    )


def mask_batch(texts: Sequence[str]) -> TextBatch:
    """The mask of each text: compiled where a text holds no more than handles and links, `mask` for the others."""
    batch = TextBatch.of(texts)
    sure = np.empty(len(batch), np.bool_)
    data, bounds = mask_all(batch.data, batch.bounds, CLASSES, sure)
    if sure.all():
        return TextBatch(data, bounds)
    pieces: list[bytes] = []
    lengths = np.diff(bounds)
    written = data.tobytes()
    done = 0
    for row in np.flatnonzero(~sure).tolist():
        piece = mask(batch[row]).encode("utf-8", "surrogatepass")
        pieces += (written[done : bounds[row]], piece)
        done = int(bounds[row])
        lengths[row] += len(piece)
    pieces.append(written[done:])
    bounds[1:] = np.cumsum(lengths)
    return TextBatch(np.frombuffer(b"".join(pieces), np.uint8), bounds)
