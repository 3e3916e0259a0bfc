"""Which of the texts that a model is unsure of teach most: those whose words many of them have, and few judged ones.

The least sure ones alone are often alike. Choosing among the unsure ones by what their words add is filtered active
submodular selection (Wei, Iyer and Bilmes 2015, Submodularity in data subset selection and active learning, ICML): a
word counts the more, the more waiting and judged texts have it (by the logarithm), and the less, the more judged ones
had it (by the square root).
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_BUCKETS: Final = 1 << 16
_WORDS: Final = re.compile(r"[#@]?\w+")
_SHORT: Final = 5
"""Words that a text is taken to have beside its own: without them the shortest would win."""


def buckets_of(text: str) -> list[int]:
    """Its words, hashed to 65,536 buckets, each once; two words of one bucket count as one."""
    words = _WORDS.findall(text.lower())
    return sorted({zlib.crc32(word.encode("utf-8", "surrogatepass")) % _BUCKETS for word in words})


def most_telling(texts: Sequence[str], count: int, judged: Callable[[list[int]], ArrayLike]) -> list[int]:
    """The places of the texts to ask about, the best first; each is chosen as if those before it were judged.

    Args:
        texts: n that wait, masked, the least sure first: of equal ones the first is taken.
        count: how many are asked for.
        judged: of some buckets, how many judged texts had a word of each.
    """
    own = [buckets_of(text) for text in texts]
    lengths = np.array([len(buckets) for buckets in own], np.intp)
    buckets, words = np.unique(np.concatenate([np.zeros(0, np.intp), *map(np.asarray, own)]), return_inverse=True)
    words = words.astype(np.intp)
    owner = np.repeat(np.arange(len(texts)), lengths)
    asked: NDArray[np.float64] = np.array(judged([int(bucket) for bucket in buckets]), np.float64)
    worth = np.log(np.maximum(np.bincount(words, minlength=len(buckets)) + asked, 1))
    left = np.ones(len(texts), bool)
    found: list[int] = []
    while len(found) < min(count, len(texts)):
        added = worth * (np.sqrt(asked + 1) - np.sqrt(asked))
        gain = np.bincount(owner, weights=added[words], minlength=len(texts)) / np.sqrt(lengths + _SHORT)
        best = int(np.argmax(np.where(left, gain, -1.0)))
        left[best] = False
        asked[words[owner == best]] += 1
        found.append(best)
    return found
