"""Judges whose labels are improbable far more often than those of the others."""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Sequence
from statistics import median
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

FEWEST: Final = 20
"""Judgements below which nothing is said about a judge."""
_TIMES: Final = 1.8
"""How many times the others' usual share of improbable labels is too much."""
_MOST_USUAL: Final = 0.35
"""Above it the median is not believed: the poisoners may be the most. Of feedback about errors by people who are right
in 8 or 9 of 10, .30 to .35 was improbable on the airline tweets (docs/learning.md)."""
_LEAST_GAP: Final = 0.1
"""And by how much it must be above that share."""
_CHANCE: Final = 1e-4
"""Probability of such a share by chance, for one judge."""
_IMPROBABLE: Final = 0.15
"""Probability below which a label is improbable."""
_WITNESSES: Final = 8.0
_MODEL_SHARE: Final = 0.5
_SLOTS: Final = 1 << 16
_VOCABULARY: Final = 1300.0
"""Words that are expected though nobody has written them yet: the smoothing of the shares."""
_WORDS: Final = re.compile(r"[^\W\d_]+|[^\w\s]")


class Suspicion(NamedTuple):
    """Why a judge is left out."""

    judgements: int
    improbable: int
    usual: float
    """The median share of improbable labels among the judges."""

    @property
    def reason(self) -> str:
        """In one line."""
        share = self.improbable / self.judgements
        return (
            f"{self.improbable} of {self.judgements} labels ({share:.0%}) are improbable by what the model and all "
            f"others said of such texts; {self.usual:.0%} are usual"
        )


def improbable(
    texts: Sequence[str],
    codes: NDArray[np.intp],
    judges: NDArray[np.intp],
    scores: NDArray[np.float64],
    *,
    asked: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """(n,): whether each label is improbable by what others say of such words, and by what the model said.

    A naive Bayes over words, learnt from judgements of texts that we chose (feedback by choice is of errors mostly, and
    anybody can send it), never from those of the judge who is looked at, so that nobody confirms himself. Words are no
    independent witnesses, so a text weighs like `_WITNESSES` words, and the model like half of its odds: those who send
    feedback say that it is wrong.

    Args:
        texts: n, masked. codes: (n,) labels. judges: (n,) numbers from 0 on. scores: (n, 3) of the model at the time,
            a third each where unknown. asked: (n,) whether we chose the text.
    """
    slots, bounds = _hashed(texts)
    rows = np.repeat(np.arange(len(texts)), np.diff(bounds))
    teaches = asked if asked.any() else np.ones(len(texts), bool)
    everything = np.zeros((_SLOTS, 3))
    heard = teaches[rows]
    np.add.at(everything, (slots[heard], codes[rows[heard]]), 1.0)
    log = _MODEL_SHARE * np.log(np.clip(scores, 0.02, 1.0))
    lengths = np.maximum(np.diff(bounds), 1)[:, None]
    for judge in np.flatnonzero(np.bincount(judges) >= FEWEST).tolist():
        own = judges[rows] == judge
        others = everything.copy()
        np.subtract.at(others, (slots[own & heard], codes[rows[own & heard]]), 1.0)
        share = np.log((others + 0.5) / (others.sum(axis=0) + 0.5 * _VOCABULARY))
        evidence = np.zeros((len(texts), 3))
        np.add.at(evidence, rows[own], share[slots[own]])
        log += _WITNESSES * evidence / lengths
    probability = np.exp(log - log.max(axis=1, keepdims=True))
    probability /= probability.sum(axis=1, keepdims=True)
    found: NDArray[np.bool_] = probability[np.arange(len(codes)), codes] < _IMPROBABLE
    return found


def suspects(judges: NDArray[np.intp], flags: NDArray[np.bool_], group: NDArray[np.bool_]) -> dict[int, Suspicion]:
    """The judges to leave out: far above the median of those of their kind, and not by chance.

    Of fewer than three judges of a kind nobody is left out: there is nothing usual to compare with.

    Args:
        judges: (n,) numbers from 0 on. flags: (n,) `improbable`. group: (n,) `asked`: the two kinds are compared apart,
            as feedback is of errors mostly.
    """
    found: dict[int, Suspicion] = {}
    for kind in (True, False):
        mine = group == kind
        counts = np.bincount(judges[mine], minlength=int(judges.max(initial=-1)) + 1)
        bad = np.bincount(judges[mine], flags[mine], minlength=len(counts))
        known = np.flatnonzero(counts >= FEWEST)
        if len(known) < 3:
            continue
        usual = min(float(median((bad[known] / counts[known]).tolist())), _MOST_USUAL)
        limit = max(_TIMES * usual, usual + _LEAST_GAP)
        for judge in known.tolist():
            n, k = int(counts[judge]), int(bad[judge])
            if k / n > limit and _tail(k, n, max(usual, 0.02)) < _CHANCE:
                found[judge] = Suspicion(n, k, usual)
    return found


def word_evidence(texts: Sequence[str], codes: NDArray[np.intp], asked: Sequence[str]) -> NDArray[np.float64]:
    """(asked, 3): log-odds, but for a constant, of each label by the words of labelled texts (naive Bayes)."""
    slots, bounds = _hashed(texts)
    table = np.zeros((_SLOTS, 3))
    np.add.at(table, (slots, codes[np.repeat(np.arange(len(texts)), np.diff(bounds))]), 1.0)
    share = np.log((table + 0.5) / (table.sum(axis=0) + 0.5 * _VOCABULARY))
    slots, bounds = _hashed(asked)
    found = np.zeros((len(asked), 3))
    np.add.at(found, np.repeat(np.arange(len(asked)), np.diff(bounds)), share[slots])
    found += np.log((np.bincount(codes, minlength=3) + 1) / (len(codes) + 3))
    return found


def _tail(k: int, n: int, p: float) -> float:
    """Bound on the probability of at least `k` of `n` (Chernoff)."""
    share = k / n
    if share <= p:
        return 1.0
    if share >= 1:
        return p**n
    return math.exp(-n * (share * math.log(share / p) + (1 - share) * math.log((1 - share) / (1 - p))))


def _hashed(texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Slots of the distinct words of each text, and where each text's begin."""
    found: list[int] = []
    bounds = [0]
    for text in texts:
        words = _WORDS.findall(text.lower())
        found += sorted({zlib.crc32(word.encode(errors="surrogatepass")) % _SLOTS for word in words})
        bounds.append(len(found))
    return np.array(found, np.int64), np.array(bounds, np.int64)
