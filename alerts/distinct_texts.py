"""Which tweets say the same: a retweet storm of one text, or a bot that repeats one complaint, is one voice.

Two texts are the same when their first 64 letters are (bytes of UTF-8), in lower case, without mentions, links,
a leading RT, digits, punctuation and white space; so a retweet is its original, also where its end has been cut off.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

FILTER_BITS: Final = 1 << 23
"""Size of the Bloom filter that remembers a period's texts (1 MiB), three bits a text, all in one word."""
PERIOD_S: Final = 900
"""A text is remembered for one to two of these after it last came."""

_COMPARED: Final = 64
_SEPARATOR: Final = "\0"
# A set of first characters, so that re skips what lies between.
_NOISE: Final = re.compile(rb"[@<h](?:(?<=@)\w+|(?<=<)\w+>|(?<=h)ttps?://[^\s\x00]+)")
_NO_LETTERS: Final = bytes(byte for byte in range(1, 128) if not chr(byte).isalpha())
_WORDS: Final = FILTER_BITS // 32


def normalised(texts: Sequence[str]) -> list[bytes]:
    """What is compared of each text, found for all of them at once. Empty when nothing but noise is in it."""
    joined = _SEPARATOR.join(texts)
    if joined.count(_SEPARATOR) >= len(texts):
        joined = _SEPARATOR.join(text.replace(_SEPARATOR, " ") for text in texts)
    letters = _NOISE.sub(b"", joined.lower().encode("utf-8", "replace")).translate(None, _NO_LETTERS)
    return [text[2 : _COMPARED + 2] if text.startswith(b"rt") else text[:_COMPARED] for text in letters.split(b"\0")]


def digests(texts: Sequence[str]) -> list[int]:
    """128 bits per text, the same for the same texts, in every process."""
    if not texts:
        return []
    return [
        int.from_bytes(hashlib.blake2b(short or text.encode("utf-8", "replace"), digest_size=16).digest(), "little")
        for short, text in zip(normalised(texts), texts, strict=True)
    ]


def filter_bits(digest: int, watch: str) -> tuple[str, int]:
    """Where in the filter a text about a watch is remembered: it counts once for every watch.

    Returns:
        The place of a 32-bit word as BITFIELD takes it, and the bits that are set in it.
    """
    mixed = digest ^ _watch_digest(watch)
    mask = 1 << (mixed & 31) | 1 << (mixed >> 5 & 31) | 1 << (mixed >> 10 & 31)
    return f"#{(mixed >> 15) % _WORDS}", mask


@lru_cache(maxsize=100_000)
def _watch_digest(watch: str) -> int:
    return int.from_bytes(hashlib.blake2b(watch.encode(), digest_size=16, person=b"watch").digest(), "little")
