"""The words of a crisis: those that have grown most against what was said before."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

_TOP: Final = 5
_SURE: Final = 1.0
"""A word has grown when its log-odds are more than so many standard deviations above 0."""
_PLACEHOLDER: Final = re.compile(r"<\w+>|@\w+|https?://\S+|\S+@\S+")
_WORD: Final = re.compile(r"#?[^\W\d_][\w'’]{2,}")
# English and French function words, and what every tweet says.
_FUNCTION_WORDS: Final = """
about after again all also and any are aren't because been before being but can can't could did didn't does
doesn't doing don't down during each even ever every few for from get gets getting got had has have haven't
having her here him his how i'd i'll i'm i've into isn't it's its just let like made make many may more most
much must never not now off one only other our out over own really same she should since some still such than
that that's the their them then there these they they're thing this those though through today too two under
until very via want was wasn't way we're we've were what when where which while who why will with without
won't would yet you you're your yours amp rt alors aussi autre aux avec avez avoir bien car ces cet cette
comme dans depuis des deux donc elle elles encore est et êtes être fait faire ils j'ai les leur leurs lui mais
mes mon même nos notre nous ont ou par pas plus pour pourquoi quand que quel quelle qui sans ses son sont sous
suis sur tes toi ton tous tout très une vos votre vous c'est n'est qu'il
"""
_STOP_WORDS: Final = frozenset(_FUNCTION_WORDS.split())


def words_of(text: str) -> set[str]:
    """The words that carry meaning: no placeholders of the mask, no function words, lower case."""
    found = {word.replace("’", "'") for word in _WORD.findall(_PLACEHOLDER.sub(" ", text).lower())}
    return found - _STOP_WORDS


def grown_terms(now: Sequence[str], before: Sequence[str], own_terms: Iterable[str]) -> list[str]:
    """The five words that have grown most, the first the most; each text says a word once.

    Log-odds with an informative Dirichlet prior (Monroe, Colaresi and Quinn 2008, equations 15, 16, 20 and 22): the
    prior is what both say together, scaled to the number of words said now; ranked by log-odds over their standard
    deviation.
    Without a past, the words in most of the texts. A word that one text alone says is none of theirs.

    Args:
        now, before: texts of negative tweets.
        own_terms: the watch's own names, which say nothing.
    """
    own = {part for term in own_terms for part in re.findall(r"\w+", term.lower())}
    said_now, said_before = _counted(now, own), _counted(before, own)
    common = [word for word, texts in said_now.items() if texts > 1 or len(now) < 3]
    if not said_before:
        return sorted(common, key=lambda word: (-said_now[word], word))[:_TOP]
    both = said_now + said_before
    sums = said_now.total(), said_before.total()
    worth = float(sums[0])
    scale = worth / both.total()
    scores = {}
    for word in common:
        prior = both[word] * scale
        counts = said_now[word] + prior, said_before[word] + prior
        odds = [count / (total + worth - count) for count, total in zip(counts, sums, strict=True)]
        scores[word] = math.log(odds[0] / odds[1]) / math.sqrt(1 / counts[0] + 1 / counts[1])
    grown = [word for word in common if scores[word] > _SURE]
    return sorted(grown, key=lambda word: (-scores[word], word))[:_TOP]


def _counted(texts: Iterable[str], own: set[str]) -> Counter[str]:
    number: Counter[str] = Counter()
    for text in texts:
        number.update(word for word in words_of(text) if word.lstrip("#") not in own)
    return number
