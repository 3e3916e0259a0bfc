"""Accuracy without labels: from how sure the model says it is, calibrated on what it knew about held-out texts.

Confidence-based performance estimation (CBPE): where a model that says .8 has been right in 77 of 100 held-out texts, a
tweet with .8 counts as right by .77; the mean over the tweets is the estimate. It holds as long as *the same confidence
means the same*. It sees that texts are harder, as the model is less sure then. It does not see that words have
changed their meaning, nor texts so strange that the model is wrongly sure: `doubts` names the signs of that.

The calibration is isotonic, on sets labelled by people. The same confidence means different things on different sets,
so each set has the weight that it has in the words of the tweets: the mixture of the sets whose words are most like
theirs (`shares_of`). How far the estimate is off where a set is new is measured on those sets: calibrated on the
others, compared with the truth.

Source: NannyML's documentation, "How it works: estimation of performance of classification models" (CBPE).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from models.text.word_profile import WordProfile
from training.evaluation.held_out import HeldOut

FEWEST: Final = 200
"""Tweets below which nothing is estimated."""
_LEAST_SET: Final = 200
"""Rows that a held-out set must have to be one that is calibrated on."""
_MOST_UNKNOWN: Final = 0.1
"""Share of tweets in languages that the model does not know, from which its confidence means little."""
_BINS: Final = 20
_SMOOTH: Final = 0.5
_PASSES: Final = 50
_LEAST_SHARE: Final = 1e-6
MOST_STRANGE: Final = 4.0
"""Distance of the tweets' words to those of the nearest held-out set, up to which they are of its kind. Measured:
halves of a set, single airlines and crises are 0 to 2.8 from it, other sets 6 to 10, another language 28
(docs/learning.md)."""


class NoReference(BuzzwatchError):
    """The model carries no held-out predictions that people have labelled."""


@dataclass(frozen=True)
class Estimate:
    """What can be said without labels about the answers of a model to some tweets."""

    n: int
    accuracy: float | None
    """None: not estimated, `doubts` says why."""
    low: float | None
    high: float | None
    """95 %, the tweets' own chance and the calibration's error on new sets together."""
    doubts: tuple[str, ...]
    """Why it cannot be trusted; empty: it can."""
    usual: float | None = None
    """Accuracy on held-out texts of the same kinds."""
    shift: float | None = None
    """Distance (Kolmogorov–Smirnov) of the confidence to that on the held-out texts."""
    distance: float | None = None
    """Of the tweets' words to those of the nearest held-out set, or sum of sets."""
    nearest: str = ""
    """Which that is."""

    @property
    def trusted(self) -> bool:
        """Whether nothing speaks against it."""
        return self.accuracy is not None and not self.doubts


@dataclass(frozen=True)
class Calibration:
    """What a model's confidence has meant on held-out texts."""

    confidences: NDArray[np.float64]
    rights: NDArray[np.float64]
    """Share of right answers at each of these confidences, rising."""
    accuracy: float
    """On the held-out sets, each with the same weight."""
    spread: float
    """How far estimates for a set were off that it was not calibrated on: root of the mean square."""
    histogram: NDArray[np.float64]
    """(20,): shares of the confidence, each set with the same weight."""
    usual_shift: float
    """Largest distance (Kolmogorov–Smirnov) of one set's confidence to that of the others together."""
    words: Mapping[str, WordProfile] = field(default_factory=dict)
    """Set → its words; empty where the model carries none."""
    sets: Mapping[str, HeldOutSet] = field(default_factory=dict)
    """Those that it was calibrated on."""

    @classmethod
    def of(cls, held_out: HeldOut) -> Calibration:
        """Calibrate on the sets that people have labelled.

        Raises:
            NoReference: there is none of a useful size.
        """
        names, counts = np.unique(held_out.source, return_counts=True)
        used = [
            name
            for name, count in zip(names.tolist(), counts.tolist(), strict=True)
            if name not in held_out.distant and count >= _LEAST_SET
        ]
        if not used:
            raise NoReference("the model carries no held-out predictions on texts that people have labelled")
        sets = {name: HeldOutSet.of(held_out, name) for name in used}
        curve = _curve(sets)
        errors = [
            _mean(_curve(others), one.top) - float(one.right.mean())
            for name, one in sets.items()
            if (others := {other: sets[other] for other in sets if other != name})
        ]
        histograms = {name: _histogram(one.top) for name, one in sets.items()}
        shifts = [
            _shift(histogram, np.mean([histograms[other] for other in sets if other != name], axis=0))
            for name, histogram in histograms.items()
            if len(sets) > 1
        ]
        return cls(
            *curve,
            accuracy=float(np.mean([one.right.mean() for one in sets.values()])),
            spread=math.sqrt(float(np.mean(np.square(errors)))) if errors else 0.0,
            histogram=np.mean(list(histograms.values()), axis=0),
            usual_shift=max(shifts, default=0.0),
            words={name: profile for name, profile in held_out.words.items() if name in sets},
            sets=sets,
        )

    @property
    def confidence(self) -> float:
        """Mean confidence on the held-out sets, each with the same weight."""
        return float(np.mean([one.top.mean() for one in self.sets.values()]))

    def right(self, confidence: NDArray[np.floating]) -> NDArray[np.float64]:
        """(n,): probability of being right at each confidence."""
        found: NDArray[np.float64] = np.interp(confidence, self.confidences, self.rights)
        return found

    def estimate(
        self, confidence: NDArray[np.floating], *, unknown: float = 0.0, words: WordProfile | None = None
    ) -> Estimate:
        """Accuracy on tweets from the confidence of their answers.

        Args:
            confidence: (n,): the largest probability of each.
            unknown: share of the tweets that are in languages which the model does not know.
            words: of the tweets; without them nobody can tell whether they are of a kind that it was measured on.
        """
        n = len(confidence)
        if n < FEWEST:
            return Estimate(n, None, None, None, (f"fewer than {FEWEST} tweets",))
        shares = self._shares(words)
        rights = np.interp(np.asarray(confidence, np.float64), *_curve(self.sets, shares))
        accuracy = float(rights.mean())
        shift = _shift(_histogram(np.asarray(confidence, np.float64)), self.histogram)
        distance, nearest = self._nearest(words)
        error = 1.96 * math.sqrt(float((rights * (1 - rights)).mean()) / n + self.spread**2)
        return Estimate(
            n,
            accuracy,
            max(0.0, accuracy - error),
            min(1.0, accuracy + error),
            (*self._doubts(shift, unknown), *self._strange(distance, nearest)),
            usual=sum(share * float(self.sets[name].right.mean()) for name, share in shares.items()),
            shift=shift,
            distance=distance,
            nearest=nearest,
        )

    def _shares(self, words: WordProfile | None) -> dict[str, float]:
        """How much each held-out set counts for tweets of these words: all the same where nobody can tell."""
        if words is None or words.texts < FEWEST or self.words.keys() != self.sets.keys():
            return dict.fromkeys(self.sets, 1 / len(self.sets))
        return shares_of(words, self.words)

    def _nearest(self, words: WordProfile | None) -> tuple[float | None, str]:
        if not self.words or words is None or words.texts < FEWEST:
            return None, ""
        return min(
            (words.distance(sum((self.words[name] for name in some), WordProfile())), " and ".join(some))
            for number in range(1, len(self.words) + 1)
            for some in itertools.combinations(self.words, number)
        )

    def _strange(self, distance: float | None, nearest: str) -> tuple[str, ...]:
        """Why the tweets may be of a kind on which the model was never measured.

        A model is as sure as ever about a subject that it does not know, so confidence does not show it; words do.
        """
        if not self.words:
            return ("the model carries no words of its held-out texts: nobody can tell whether it knows the subject",)
        if distance is None:
            return (f"fewer than {FEWEST} tweets came with their text: nobody can tell whether it knows the subject",)
        if distance <= MOST_STRANGE:
            return ()
        return (
            f"the tweets' words are those of no held-out set: {distance:.1f} from {nearest}, the nearest; up to"
            f" {MOST_STRANGE:g} is the same kind",
        )

    def _doubts(self, shift: float, unknown: float) -> tuple[str, ...]:
        doubts = []
        if unknown > _MOST_UNKNOWN:
            doubts.append(f"{unknown:.0%} of the tweets are in languages that the model does not know")
        # What is farther away than any held-out set is from the others has no precedent.
        if shift > max(1.5 * self.usual_shift, 0.1):
            doubts.append(
                f"the model is as sure as it never was on held-out texts (distance {shift:.2f}, usual up to"
                f" {self.usual_shift:.2f})"
            )
        return tuple(doubts)


@dataclass(frozen=True)
class HeldOutSet:
    """The held-out predictions on one set."""

    top: NDArray[np.float64]
    """(n,): confidence."""
    right: NDArray[np.bool_]
    """(n,)"""

    @classmethod
    def of(cls, held_out: HeldOut, name: str) -> HeldOutSet:
        """Its rows."""
        rows = held_out.source == name
        scores = held_out.scores[rows]
        return cls(scores.max(axis=1), scores.argmax(axis=1) == held_out.truth[rows])


def shares_of(words: WordProfile, sets: Mapping[str, WordProfile]) -> dict[str, float]:
    """Which mixture of the sets has words most like these: expectation maximisation of the shares, summing to 1."""
    counts = np.stack([one.counts + _SMOOTH for one in sets.values()])
    likelihood = counts / counts.sum(axis=1, keepdims=True)
    shares = np.full(len(sets), 1 / len(sets))
    for _ in range(_PASSES):
        whose = shares[:, None] * likelihood
        whose /= whose.sum(axis=0)
        shares = whose @ words.counts
        shares /= shares.sum()
    shares = np.maximum(shares, _LEAST_SHARE)
    return dict(zip(sets, (shares / shares.sum()).tolist(), strict=True))


def _curve(
    sets: Mapping[str, HeldOutSet], shares: Mapping[str, float] | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The calibration.

    Args:
        shares: weight of each set; the same for all when not given.
    """
    top = np.concatenate([one.top for one in sets.values()])
    right = np.concatenate([one.right for one in sets.values()]).astype(np.float64)
    weight = np.concatenate(
        [np.full(len(one.top), (1.0 if shares is None else shares[name]) / len(one.top)) for name, one in sets.items()]
    )
    order = np.argsort(top, kind="stable")
    return _isotonic(top[order], right[order], weight[order])


def _isotonic(
    x: NDArray[np.float64], y: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The rising curve that is nearest to the points, by pooling adjacent violators; x is sorted."""
    blocks: list[list[float]] = []  # sum of y, weight, sum of x
    for at, value, mass in zip(x.tolist(), y.tolist(), weight.tolist(), strict=True):
        blocks.append([value * mass, mass, at * mass])
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] >= blocks[-1][0] * blocks[-2][1]:
            last = blocks.pop()
            blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
    found = np.array(blocks)
    return found[:, 2] / found[:, 1], found[:, 0] / found[:, 1]


def _mean(curve: tuple[NDArray[np.float64], NDArray[np.float64]], top: NDArray[np.float64]) -> float:
    return float(np.interp(top, *curve).mean())


def _histogram(top: NDArray[np.float64]) -> NDArray[np.float64]:
    counts = np.bincount(np.minimum((top * _BINS).astype(np.int64), _BINS - 1), minlength=_BINS)
    shares: NDArray[np.float64] = counts / max(len(top), 1)
    return shares


def _shift(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    return float(np.abs(np.cumsum(one) - np.cumsum(other)).max())
