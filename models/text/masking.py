"""Masking what points to a person: handles, links, e-mail addresses and phone numbers; hashtags stay.

`@user` for a handle (as in TweetEval), `<url>`, `<email>`, `<phone>`. A masked text is its own mask. Not taken for
phone numbers: flight numbers (AF1234), prices, years, dates, times, and seven digits without an area code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from models.text.batch import TextBatch
from models.text.masking_kernel import CLASSES, mask_all

_REST = r'[^\s\x00<>"]*[^\s\x00<>".,;:!?)\]}\'…]'
_PHONE = r"""
    (?<=[0-9])(?<![\w$€£¥#].)(?=[ .()/0-9-]{7})(?:                 # not in a word, a price or a tag
      (?<=1)[ .-]?\(?[2-9][0-9]{2}\)?[ .-]?[0-9]{3}[ .-]?[0-9]{4}  # 1-800-555-0199
    | (?<=[2-9])[0-9]{2}[ .-]?[0-9]{3}[ .-]?[0-9]{4}               # 555-010-0199
    | (?<=0)0[1-9](?:[ .-]?[0-9]){9,13}                            # 0033 6 12 34 56 78
    | (?<=0)[1-9](?P<gap>[ .-]?)[0-9]{2}(?:(?P=gap)[0-9]{2}){3}    # 06 12 34 56 78
    | (?<=0)[1-9][0-9]{1,3}[ /-][0-9]{3,4}[ -]?[0-9]{3,4}          # 020 7946 0018, 07700 900123
    )(?![0-9])
  | (?<=\+)[1-9](?:[ .()/-]{0,2}[0-9]){7,14}(?![0-9])              # +33 6 12 34 56 78: E.164, 8 to 15 digits
  | (?<=\()(?:0[1-9][0-9]{1,3}|[2-9][0-9]{2})\)[ .-]?[0-9]{3,4}[ .-]?[0-9]{4}(?![0-9])  # (555) 010-0199
"""
# The first element is a plain set: re skips to the next of these characters in a tight loop, and none of them is
# a letter, so most of a tweet costs nothing. What lies left of the trigger (a scheme, a host, the local part of an
# address) is added afterwards, because looking for it first would start an attempt at every word.
_PERSONAL = re.compile(
    rf"""[@＠:./0-9+(](?:
        (?<=[wW]{{3}}\.)(?<![^\W\d_][wW]{{3}}\.)(?P<host>{_REST})
      | (?<=[@＠])(?:(?<=[\w.+-].)(?P<email>[\w-]++(?:\.[\w-]+)+)|(?P<handle>[A-Za-z0-9_]+))
      | (?<=[A-Za-z]:)//(?P<url>{_REST})
      | (?:(?<=\.[A-Za-z]{{2}}/)|(?<=\.[A-Za-z]{{3}}/))(?P<path>{_REST})
      | (?P<phone>{_PHONE})
    )""",
    re.VERBOSE,
)
_TOKENS = {"host": "<url>", "email": "<email>", "handle": "@user", "url": "<url>", "path": "<url>", "phone": "<phone>"}
_LEFT = {
    "host": re.compile(r"[wW]"),
    "email": re.compile(r"[\w.+-]"),
    "url": re.compile(r"[A-Za-z]"),
    "path": re.compile(r"[\w.-]"),
}


def mask(text: str) -> str:
    """`text` with its handles, links, addresses and phone numbers replaced; idempotent."""
    pieces: list[str] = []
    done = 0
    for match in _PERSONAL.finditer(text):
        kind = match.lastgroup or ""
        start, end = match.span()
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
