"""The walk of `models.linear.kernels` in plain Python: the definition that the compiled one is held against."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.linear.constants import (
    BEFORE,
    BEGIN,
    BUT,
    END,
    FNV_OFFSET,
    FNV_PRIME,
    GOLDEN,
    MAIS,
    MASK32,
    MENTION,
    NEGATED,
    NEGATED_SEED,
    PAIR,
    TRIPLE,
    URL,
    fnv,
)
from models.linear.tokens import tokens
from models.linear.weights import HashedWeights

_SEEDS = (FNV_OFFSET, NEGATED_SEED)


def avalanche(h: int) -> int:
    """Spread 32 bits."""
    h ^= h >> 16
    h = h * 0x2C1B3C6D & MASK32
    h ^= h >> 13
    h = h * 0x297A2D39 & MASK32
    return h ^ (h >> 15)


def negated(words: Sequence[bytes], negators: frozenset[int], reach: int) -> list[bool]:
    """Which words a negator before them negates: the next `reach` up to a mark or "but", but for links and mentions."""
    found, left, before = [], 0, BEGIN
    for word in words:
        h = fnv(word)
        if word[:1] in (b"!", b",", b".", b":", b";", b"?") or h in (BUT, MAIS):
            left = 0
        found.append(left > 0 and word[0] not in (URL, MENTION))
        left -= found[-1]
        if reach and negators & {h, before * BEFORE + h & MASK32}:
            left = reach
        before = h
    return found


def word_hashes(words: Sequence[bytes], longest: int, denied: Sequence[bool]) -> list[int]:
    """Hashes of the word 1- to `longest`-grams; begin and end of the text are words of those of several words.

    Args:
        denied: of `negated`.
    """
    hashes = []
    plain = [BEGIN, *map(fnv, words), END]
    for i in range(1, len(plain)):
        if i <= len(words):
            hashes.append(avalanche((plain[i] * BEFORE & MASK32) ^ NEGATED if denied[i - 1] else plain[i]))
        pair = plain[i - 1] * BEFORE + plain[i] & MASK32
        if longest >= 2:
            hashes.append(avalanche(pair ^ PAIR))
        if longest >= 3 and i >= 2:
            pair_before = plain[i - 2] * BEFORE + plain[i - 1] & MASK32
            hashes.append(avalanche((pair_before * BEFORE + plain[i] & MASK32) ^ TRIPLE))
    return hashes


def char_hashes(words: Sequence[bytes], shortest: int, longest: int, denied: Sequence[bool]) -> list[int]:
    """Hashes of the byte n-grams of the tokens joined by single spaces, one space around them.

    Args:
        denied: of `negated`; n-grams that begin in such a word, or in the space before it, are others than elsewhere.
    """
    text = b" " + b"".join(word + b" " for word in words)
    seeds = [seed for word, no in zip(words, denied, strict=True) for seed in [_SEEDS[no]] * (len(word) + 1)]
    seeds.append(FNV_OFFSET)
    return [
        _from(seeds[at], text[at : at + size]) * GOLDEN & MASK32
        for at in range(len(text))
        for size in range(shortest, longest + 1)
        if at + size <= len(text)
    ]


def _from(h: int, data: bytes) -> int:
    for byte in data:
        h = (h ^ byte) * FNV_PRIME & MASK32
    return h


def sums(texts: Sequence[str], weights: HashedWeights) -> NDArray[np.int64]:
    """What `models.linear.kernels.score_all` fills in, shape (n, 17)."""
    out = np.zeros((len(texts), 17), np.int64)
    negators = frozenset(weights.negators.tolist()) - {0}
    for row, text in zip(out, texts, strict=True):
        words = tokens(text.encode("utf-8", "surrogatepass"))
        denied = negated(words, negators, weights.negator_reach)
        slots = [h >> (32 - weights.polarity_bits) for h in word_hashes(words, weights.polarity_longest, denied)]
        pushes = weights.polarity[slots].astype(np.int64)
        row[0] = pushes.sum()
        row[1] = pushes[pushes > 0].sum()
        row[2] = max(0, pushes.max(initial=0))
        row[3] = min(0, pushes.min(initial=0))
        row[4] = len(slots)
        plain = [avalanche(fnv(word)) for word, no in zip(words, denied, strict=True) if no]
        pushes = weights.polarity[[h >> (32 - weights.polarity_bits) for h in plain]].astype(np.int64)
        row[15], row[16] = pushes[pushes > 0].sum(), pushes[pushes < 0].sum()
        slots = [h >> (32 - weights.word_bits) for h in word_hashes(words, weights.word_longest, denied)]
        row[5:9] = weights.words[slots].sum(axis=0, dtype=np.int64)
        row[9] = len(slots)
        if weights.char_longest:
            hashes = char_hashes(words, weights.char_shortest, weights.char_longest, denied)
            slots = [h >> (32 - weights.char_bits) for h in hashes]
            row[10:14] = weights.chars[slots].sum(axis=0, dtype=np.int64)
            row[14] = len(slots)
    return out
