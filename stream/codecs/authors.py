"""Authors as hashes: whose tweets are the same author's can be counted, and nobody is named."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.base.jit import compiled
from models.text.batch import TextBatch

_OURS: Final = re.compile(r"[0-9a-f]{16}").fullmatch
_SALT: Final = b"buzzwatch author"


class AuthorKey(NamedTuple):
    """What keys the hash: the same for all workers, or their authors are not the same."""

    low: np.uint64
    high: np.uint64

    @classmethod
    def of(cls, secret: str = "") -> AuthorKey:
        """From a secret of any length."""
        digest = hashlib.blake2b(secret.encode(), digest_size=16, person=_SALT).digest()
        return cls(*np.frombuffer(digest, "<u8"))

    def hashes(self, authors: TextBatch) -> NDArray[np.uint64]:
        """(n,): of each id, 0 where it is empty."""
        found = np.empty(len(authors), np.uint64)
        _hash_authors(authors.data, authors.bounds, self.low, self.high, found)
        return found


def author_number(author: object) -> int:
    """The hash that the field `author` of a scored event says, 0 when it says none; that of others, who may write what
    they like, by its text."""
    if not isinstance(author, str) or not author:
        return 0
    if _OURS(author):
        return int(author, 16) or 1
    return int.from_bytes(hashlib.blake2b(author.encode(errors="surrogatepass"), digest_size=8).digest(), "big") or 1


@compiled
def _rotated(value: Any, bits: int) -> Any:
    return value << np.uint64(bits) | value >> np.uint64(64 - bits)


@compiled
def _round(a: Any, b: Any, c: Any, d: Any) -> Any:
    a += b
    b = _rotated(b, 13) ^ a
    a = _rotated(a, 32)
    c += d
    d = _rotated(d, 16) ^ c
    a += d
    d = _rotated(d, 21) ^ a
    c += b
    b = _rotated(b, 17) ^ c
    c = _rotated(c, 32)
    return a, b, c, d


@compiled
def _siphash(data: Any, start: int, stop: int, low: Any, high: Any) -> Any:
    """SipHash-2-4 (Aumasson and Bernstein 2012) of some bytes under a key of two 64-bit halves."""
    a, b = low ^ np.uint64(0x736F6D6570736575), high ^ np.uint64(0x646F72616E646F6D)
    c, d = low ^ np.uint64(0x6C7967656E657261), high ^ np.uint64(0x7465646279746573)
    at = start
    while True:
        word = np.uint64(0)
        left = min(stop - at, 8)
        for i in range(left):
            word |= np.uint64(data[at + i]) << np.uint64(8 * i)
        if left < 8:
            word |= np.uint64((stop - start) & 255) << np.uint64(56)
        d ^= word
        a, b, c, d = _round(a, b, c, d)
        a, b, c, d = _round(a, b, c, d)
        a ^= word
        if left < 8:
            break
        at += 8
    c ^= np.uint64(255)
    for _ in range(4):
        a, b, c, d = _round(a, b, c, d)
    return a ^ b ^ c ^ d


@compiled
def _hash_authors(data: Any, bounds: Any, low: Any, high: Any, out: Any) -> None:
    """Hash many ids.

    Args:
        data, bounds: as of `models.text.batch.TextBatch`; empty where there is no author.
        low, high: halves of the key, uint64.
        out: (n,), uint64; 0 where there is no author, and for nobody else.
    """
    for row in range(len(bounds) - 1):
        out[row] = np.uint64(0)
        if bounds[row + 1] - 1 > bounds[row]:
            found = _siphash(data, bounds[row], bounds[row + 1] - 1, low, high)
            out[row] = found if found != np.uint64(0) else np.uint64(1)
