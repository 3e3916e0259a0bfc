"""The identifiers of a batch's predictions: UUIDv5 (RFC 9562) by a compiled SHA-1 (FIPS 180-4).

The interpreter needs 0.8 µs for each even with OpenSSL's SHA-1, and holds its lock; this needs 0.3 µs and does not.
`contracts.events.prediction_id` is the definition.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.events import PREDICTION_NAMESPACE, ModelRef
from models.base.jit import compiled
from models.text.batch import TextBatch

LENGTH: Final = 36
"""Letters of a UUID."""

_MASK: Final = 0xFFFFFFFF
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def identifiers(ref: ModelRef, tweet_ids: TextBatch) -> NDArray[np.uint8]:
    """What `contracts.events.prediction_id` says, in ASCII, in a row, `LENGTH` letters each."""
    prefix = PREDICTION_NAMESPACE.bytes + f"{ref.name}/{ref.version}/".encode()
    out = np.empty(LENGTH * len(tweet_ids), np.uint8)
    _write_uuids(np.frombuffer(prefix, np.uint8), tweet_ids.data, tweet_ids.bounds, _HEX, out)
    return out


@compiled
def _rotated(word: int, by: int) -> int:
    return ((word << by) | (word >> (32 - by))) & _MASK


@compiled
def _digest(message: Any, length: int, words: Any, state: Any) -> None:
    """SHA-1 of `message[:length]` into `state`, five words; pads the message where it lies."""
    total = (length + 9 + 63) // 64 * 64
    message[length] = 0x80
    for at in range(length + 1, total - 8):
        message[at] = 0
    for byte in range(8):
        message[total - 1 - byte] = ((8 * length) >> (8 * byte)) & 0xFF
    state[0] = 0x67452301
    state[1] = 0xEFCDAB89
    state[2] = 0x98BADCFE
    state[3] = 0x10325476
    state[4] = 0xC3D2E1F0
    for start in range(0, total, 64):
        for i in range(16):
            at = start + 4 * i
            words[i] = (
                (int(message[at]) << 24)
                | (int(message[at + 1]) << 16)
                | (int(message[at + 2]) << 8)
                | int(message[at + 3])
            )
        for i in range(16, 80):
            words[i] = _rotated(words[i - 3] ^ words[i - 8] ^ words[i - 14] ^ words[i - 16], 1)
        a, b, c, d, e = int(state[0]), int(state[1]), int(state[2]), int(state[3]), int(state[4])
        for i in range(20):
            a, b, c, d, e = (
                (_rotated(a, 5) + (d ^ (b & (c ^ d))) + e + 0x5A827999 + words[i]) & _MASK, a, _rotated(b, 30), c, d
            )  # fmt: skip
        for i in range(20, 40):
            a, b, c, d, e = (
                (_rotated(a, 5) + (b ^ c ^ d) + e + 0x6ED9EBA1 + words[i]) & _MASK, a, _rotated(b, 30), c, d
            )  # fmt: skip
        for i in range(40, 60):
            a, b, c, d, e = (
                (_rotated(a, 5) + ((b & c) | (d & (b | c))) + e + 0x8F1BBCDC + words[i]) & _MASK,
                a, _rotated(b, 30), c, d,
            )  # fmt: skip
        for i in range(60, 80):
            a, b, c, d, e = (
                (_rotated(a, 5) + (b ^ c ^ d) + e + 0xCA62C1D6 + words[i]) & _MASK, a, _rotated(b, 30), c, d
            )  # fmt: skip
        state[0] = (state[0] + a) & _MASK
        state[1] = (state[1] + b) & _MASK
        state[2] = (state[2] + c) & _MASK
        state[3] = (state[3] + d) & _MASK
        state[4] = (state[4] + e) & _MASK


@compiled
def _write_uuids(prefix: Any, ids: Any, bounds: Any, digits: Any, out: Any) -> None:
    """36 letters for each id: the first 16 bytes of its hash, marked as version 5 of the RFC's variant."""
    longest = 0
    for i in range(len(bounds) - 1):
        longest = max(longest, bounds[i + 1] - bounds[i])
    # SHA-1 adds one byte and the length in eight, and works on blocks of 64 bytes.
    room = np.empty((len(prefix) + longest + 9 + 63) // 64 * 64, np.uint8)
    words = np.empty(80, np.int64)
    state = np.empty(5, np.int64)
    room[: len(prefix)] = prefix
    to = 0
    for i in range(len(bounds) - 1):
        length = bounds[i + 1] - 1 - bounds[i]
        room[len(prefix) : len(prefix) + length] = ids[bounds[i] : bounds[i] + length]
        _digest(room, len(prefix) + length, words, state)
        for byte in range(16):
            value = (state[byte >> 2] >> (24 - 8 * (byte & 3))) & 0xFF
            if byte == 6:
                value = 0x50 | (value & 0x0F)
            elif byte == 8:
                value = 0x80 | (value & 0x3F)
            if byte in (4, 6, 8, 10):
                out[to] = 45
                to += 1
            out[to] = digits[value >> 4]
            out[to + 1] = digits[value & 15]
            to += 2
