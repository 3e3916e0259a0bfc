"""The rules of a tweet's text, for texts that come by other doors than Kafka."""

from __future__ import annotations

import unicodedata
from typing import Final

from contracts.errors import InvalidTweet

MAX_TEXT: Final = 10_000
"""Longest text of a tweet, in code points after NFC."""
MAX_ID: Final = 256
"""Longest identifier, in code points: it becomes the key of the scored record."""
MAX_LANG: Final = 35
"""Longest language tag, in characters (BCP 47, 4.4.1)."""


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
