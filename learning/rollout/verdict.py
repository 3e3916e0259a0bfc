"""Is the challenger better, worse, or can nobody tell yet? From tweets that both have answered and somebody judged.

Only pairs on which exactly one of the two is right say anything (McNemar). If the models are equally good, each such
pair falls to either side with probability 1/2. The evidence against that is a likelihood ratio: the mixture of all
probabilities p under Beta(a, a) against 1/2,

    E = B(a + b, a + c) / B(a, a) · 2^(b + c),

where b pairs are right for the challenger alone and c for the champion alone. For equally good models E is a martingale
that starts at 1, so that it ever exceeds 1/α with a probability of at most α (Ville): one may look every minute and
stop at the first look at which it does.

Sources: Robbins 1970, Statistical methods related to the law of the iterated logarithm; Johari, Pekelis, Walsh 2015,
Always valid inference (mixture sequential probability ratio test).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS

Outcome = Literal["better", "worse", "cannot tell yet"]
METRICS: Final = ("accuracy", "negative recall")
NO_ANSWER: Final = -1
"""Stands for the label of a model that gave none: it is wrong there."""
ALPHA: Final = 0.05
"""Largest probability of ever calling two equally good models different."""
FEWEST: Final = 50
"""Pairs below which no verdict is given, whatever they say (Kayenta's least number of points)."""
_A: Final = 12.0
"""Of Beta(a, a): expects shares of 1/2 ± 0.1, such as 3 points of accuracy where the models differ on 15 %."""
_REFERENCE: Final = 0.03
"""Where nothing points either way: how long a difference of so much would take to be seen."""
_FOREVER: Final = 10_000_000
"""Pairs beyond which nobody waits."""


class UnknownMetric(BuzzwatchError):
    """There is no such figure. A misspelt one must not pass for one that is fine."""


@dataclass(frozen=True)
class Pairs:
    """Judged tweets that both models were asked about."""

    n: int = 0
    both: int = 0
    """Both right."""
    only_challenger: int = 0
    only_champion: int = 0

    @property
    def champion(self) -> float:
        """Share that the champion has right; NaN without pairs."""
        return (self.both + self.only_champion) / self.n if self.n else math.nan

    @property
    def challenger(self) -> float:
        """Share that the challenger has right; NaN without pairs."""
        return (self.both + self.only_challenger) / self.n if self.n else math.nan


@dataclass(frozen=True)
class Verdict:
    """What can be said about the two models on one figure."""

    outcome: Outcome
    metric: str
    pairs: Pairs
    difference: float
    """Challenger - champion; NaN without pairs."""
    low: float
    high: float
    """Of the difference, at whatever time one looks; the share of tweets on which they differ is taken as it is."""
    evidence: float
    """E, above: `1 / alpha` decides."""
    why: str
    """One sentence for a person."""
    more_pairs: int | None = None
    """How many more it will take if all goes on like this; None when decided or never."""


def counted(
    truth: Sequence[int] | NDArray[np.int64],
    champion: Sequence[int] | NDArray[np.int64],
    challenger: Sequence[int] | NDArray[np.int64],
    metric: str = "accuracy",
) -> Pairs:
    """Count the pairs of one figure.

    Args:
        truth, champion, challenger: (n,), index in `SENTIMENTS`; `NO_ANSWER` where a model gave none.
        metric: one of `METRICS`; of `negative recall` only tweets that are negative count.

    Raises:
        UnknownMetric: there is no such figure.
        ValueError: they are not of one length.
    """
    if metric not in METRICS:
        raise UnknownMetric(f"there is no figure {metric!r}: it is one of {', '.join(METRICS)}")
    labels = np.asarray(truth, np.int64)
    first, second = np.asarray(champion, np.int64) == labels, np.asarray(challenger, np.int64) == labels
    if not labels.shape == first.shape == second.shape:
        raise ValueError("truth and answers are not of one length")
    if metric == "negative recall":
        negative = labels == SENTIMENTS.index("negative")
        first, second = first[negative], second[negative]
    return Pairs(len(first), int((first & second).sum()), int((second & ~first).sum()), int((first & ~second).sum()))


def verdict(pairs: Pairs, metric: str = "accuracy", *, pairs_per_s: float = 0.0, alpha: float = ALPHA) -> Verdict:
    """Judge the challenger; may be asked as often as one likes.

    Args:
        pairs: all pairs since the two have been compared.
        metric: the figure that they are of.
        pairs_per_s: how fast pairs arrive, for saying how long it will take; 0: unknown.
        alpha: instead of ALPHA, where several figures share it.

    Raises:
        UnknownMetric: there is no such figure.
    """
    if metric not in METRICS:
        raise UnknownMetric(f"there is no figure {metric!r}: it is one of {', '.join(METRICS)}")
    b, c = pairs.only_challenger, pairs.only_champion
    evidence = math.exp(min(_log_evidence(b, c), 700.0))
    difference = pairs.challenger - pairs.champion
    low, high = _interval(pairs, alpha)
    outcome = outcome_of(pairs, alpha)
    measured = f"{metric} {pairs.challenger:.3f} against {pairs.champion:.3f} on the same {pairs.n:,} judged tweets"
    more = None
    if not pairs.n:
        why = "no tweet has been judged that both have answered"
    elif outcome != "cannot tell yet":
        why = f"{measured}: alone right on {b:,}, alone wrong on {c:,}"
    else:
        more = _more_pairs(pairs, alpha)
        why = f"{measured}; {_how_long(pairs, more, pairs_per_s, alpha)}"
    return Verdict(outcome, metric, pairs, difference, low, high, evidence, why, more)


def outcome_of(pairs: Pairs, alpha: float = ALPHA) -> Outcome:
    """The verdict's first word."""
    b, c = pairs.only_challenger, pairs.only_champion
    if pairs.n < FEWEST or _log_evidence(b, c) < -math.log(alpha):
        return "cannot tell yet"
    return "better" if b > c else "worse"


def _log_evidence(b: float, c: float, p: float = 0.5) -> float:
    """log E against a probability p that a pair falls to the challenger."""
    mixed = _log_beta(_A + b, _A + c) - _log_beta(_A, _A)
    return mixed - b * math.log(p) - c * math.log1p(-p)


def _log_beta(one: float, other: float) -> float:
    return math.lgamma(one) + math.lgamma(other) - math.lgamma(one + other)


def _interval(pairs: Pairs, alpha: float) -> tuple[float, float]:
    """The differences that E does not rule out."""
    b, c = pairs.only_challenger, pairs.only_champion
    if not pairs.n:
        return math.nan, math.nan
    if not b + c:
        return 0.0, 0.0
    best = b / (b + c)
    low = 0.0 if b == 0 else _bisected(b, c, 1e-9, best, alpha)
    high = 1.0 if c == 0 else _bisected(b, c, 1 - 1e-9, best, alpha)
    share = (b + c) / pairs.n
    return (2 * low - 1) * share, (2 * high - 1) * share


def _bisected(b: int, c: int, outside: float, inside: float, alpha: float) -> float:
    for _ in range(60):
        middle = (outside + inside) / 2
        if middle in (0.0, 1.0) or _log_evidence(b, c, middle) >= -math.log(alpha):
            outside = middle
        else:
            inside = middle
    return (outside + inside) / 2


def _more_pairs(pairs: Pairs, alpha: float) -> int | None:
    """How many more until E decides, if the shares stay what they are. None: nothing points either way."""
    b, c = pairs.only_challenger, pairs.only_champion
    needed = _needed(b / pairs.n, c / pairs.n, at_least=pairs.n, alpha=alpha)
    return None if needed is None else max(needed - pairs.n, FEWEST - pairs.n, 1)


def _needed(b_share: float, c_share: float, at_least: int, alpha: float) -> int | None:
    n = max(at_least, FEWEST)
    while n < _FOREVER:
        if _log_evidence(b_share * n, c_share * n) >= -math.log(alpha):
            return n
        n = math.ceil(n * 1.02)
    return None


def _how_long(pairs: Pairs, more: int | None, pairs_per_s: float, alpha: float) -> str:
    if more is not None:
        return f"about {more:,} more such tweets{_time(more, pairs_per_s)}"
    differ = max((pairs.only_challenger + pairs.only_champion) / pairs.n, _REFERENCE)
    reference = _needed((differ + _REFERENCE) / 2, (differ - _REFERENCE) / 2, FEWEST, alpha)
    if reference is None or reference <= pairs.n:
        return "nothing points either way"
    more = reference - pairs.n
    return (
        f"nothing points either way; a difference of {_REFERENCE * 100:.0f} points would show"
        f" after about {more:,} more{_time(more, pairs_per_s)}"
    )


def _time(more: int, pairs_per_s: float) -> str:
    if pairs_per_s <= 0:
        return ""
    hours = more / pairs_per_s / 3600
    if hours < 1:
        return f", {max(1, round(hours * 60))} min at the present rate"
    return f", {hours:.0f} h at the present rate" if hours < 72 else f", {hours / 24:.0f} days at the present rate"
