"""The words of a crisis: those that have grown most against the past."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from contracts.texts import unescaped
from contracts.words.stop_words import STOP_WORDS

_TOP: Final = 5
_SURE: Final = 1.0
"""A word has grown when its log-odds are more than so many standard deviations above 0."""
_PLACEHOLDER: Final = re.compile(r"<\w+>|@\w+|https?://\S+|\S+@\S+")
_WORD: Final = re.compile(r"#?[^\W\d_][\w']{2,}")
_ANY_WORD: Final = re.compile(r"[^\W_][\w']*|[^\w\s'.,:;!?()\"-]")
"""Also short ones, numbers, and emoji."""
_DIGITS: Final = re.compile(r"\d+")
_IDLE: Final = STOP_WORDS | {""}


def words_of(text: str) -> set[str]:
    """The words that carry meaning: no placeholders of the mask, no function words, lower case."""
    return set(_words(text)) - STOP_WORDS


def similarity(one: str, other: str) -> float:
    """How much of their words two texts have in common, from 0 to 1 (Jaccard): of all words or of those that carry
    meaning, whichever is more. Handles, links and digits do not count, so that a template filled in twice is itself."""
    first, second = ([_DIGITS.sub("", word) for word in _words(text, _ANY_WORD)] for text in (one, other))
    return max(_jaccard(set(first) - {""}, set(second) - {""}), _jaccard(set(first) - _IDLE, set(second) - _IDLE))


def _jaccard(one: set[str], other: set[str]) -> float:
    return len(one & other) / len(one | other) if one or other else 0.0


def _words(text: str, form: re.Pattern[str] = _WORD) -> list[str]:
    return form.findall(_PLACEHOLDER.sub(" ", unescaped(text).lower().replace("’", "'")))


def grown_terms(now: Sequence[str], before: Sequence[str], own_terms: Iterable[str]) -> list[str]:
    """The five words that have grown most, the first the most; each text counts a word once.

    Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, equations 15, 16, 20 and 22): the
    prior is both counts together, scaled to the number of words now; ranked by log-odds over their standard
    deviation.
    Without a past, or with one word in all, the words in most of the texts. A word of one text alone is left out.

    Args:
        now, before: texts of negative tweets.
        own_terms: the watch's own names, which explain nothing.
    """
    own = {part for term in own_terms for part in re.findall(r"\w+", term.lower())}
    counts_now, counts_before = _counted(now, own), _counted(before, own)
    common = [word for word, texts in counts_now.items() if texts > 1 or len(now) < 3]
    both = counts_now + counts_before
    if not counts_before or len(both) == 1:  # the odds of a word are against the others
        return sorted(common, key=lambda word: (-counts_now[word], word))[:_TOP]
    sums = counts_now.total(), counts_before.total()
    worth = float(sums[0])
    scale = worth / both.total()
    scores = {}
    for word in common:
        prior = both[word] * scale
        counts = counts_now[word] + prior, counts_before[word] + prior
        odds = [count / (total + worth - count) for count, total in zip(counts, sums, strict=True)]
        scores[word] = math.log(odds[0] / odds[1]) / math.sqrt(1 / counts[0] + 1 / counts[1])
    grown = [word for word in common if scores[word] > _SURE]
    return sorted(grown, key=lambda word: (-scores[word], word))[:_TOP]


def _counted(texts: Iterable[str], own: set[str]) -> Counter[str]:
    number: Counter[str] = Counter()
    for text in texts:
        number.update(word for word in words_of(text) if word.lstrip("#") not in own)
    return number
