"""The rules of a tweet's text, for texts that come by other doors than Kafka."""

from __future__ import annotations

import html
import re
import unicodedata
from typing import Final

from contracts.errors import InvalidTweet

MAX_TEXT: Final = 10_000
"""Longest text of a tweet, in code points after NFC."""
MAX_ID: Final = 256
"""Longest identifier, in code points: it becomes the key of the scored record."""
MAX_LANG: Final = 35
"""Longest language tag, in characters (BCP 47, 4.4.1)."""

# Python refuses to read a number of more than 4,300 digits (`sys.set_int_max_str_digits`).
_NUMBERED: Final = re.compile(r"&#0*([0-9]+)")
_UNICODE_DIGITS: Final = 7


def unescaped(text: str) -> str:
    """The text with HTML's entities as what they mean; a number beyond Unicode is U+FFFD, as in browsers."""
    if "&" not in text:
        return text
    return html.unescape(_NUMBERED.sub(lambda found: _bounded(found[1]), text))


def _bounded(digits: str) -> str:
    return f"&#{digits}" if len(digits) <= _UNICODE_DIGITS else "&#xFFFD"


def checked_text(text: str) -> str:
    """`text` in NFC.

    Raises:
        InvalidTweet: empty, longer than MAX_TEXT, or with a lone surrogate; names which.
    """
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise InvalidTweet(f"text has a lone surrogate at code point {error.start}") from None
        text = unicodedata.normalize("NFC", text)
    if len(text) > MAX_TEXT:
        raise InvalidTweet(f"text has {len(text):,} code points, the limit is {MAX_TEXT:,}")
    if not text.strip():
        raise InvalidTweet("text is empty")
    return text
