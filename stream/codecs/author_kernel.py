"""The compiled hash of authors; see `authors`."""

from __future__ import annotations

from typing import Any

import numpy as np

from models.base.jit import compiled


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
def hash_authors(data: Any, bounds: Any, low: Any, high: Any, out: Any) -> None:
    """Hash many ids.

    Args:
        data, bounds: as of `models.text.TextBatch`; empty where there is no author.
        low, high: halves of the key, uint64.
        out: (n,), uint64; 0 where there is no author, and for nobody else.
    """
    for row in range(len(bounds) - 1):
        out[row] = np.uint64(0)
        if bounds[row + 1] - 1 > bounds[row]:
            found = _siphash(data, bounds[row], bounds[row + 1] - 1, low, high)
            out[row] = found if found != np.uint64(0) else np.uint64(1)
