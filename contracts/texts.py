"""The rules of a tweet's text, for texts that come by other doors than Kafka."""

from __future__ import annotations

import unicodedata

from contracts.errors import InvalidTweet
from contracts.events import MAX_TEXT


def checked_text(text: str) -> str:
    """`text` in NFC.

    Raises:
        InvalidTweet: empty, longer than MAX_TEXT, or with a lone surrogate; says which.
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
