"""Two models' answers to the same texts, and from which margin of the first the second need not be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.cascade import BY, certainty

BLENDS: Final = (0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the slow model in the answer where it was asked."""
_NOBODY: Final = 0.0
_EVERYBODY: Final = 1.01


class Setting(NamedTuple):
    """How a cascade answers."""

    blend: float
    threshold: float


class Mixed(NamedTuple):
    """What a cascade answers."""

    scores: NDArray[np.float32]
    """(n, 3)."""
    deep: NDArray[np.bool_]
    """(n,) whether the slow model was asked."""


@dataclass(frozen=True)
class Answers:
    """Of a quick and a slow model, row by row."""

    quick: NDArray[np.float32]
    """(n, 3) probabilities."""
    slow: NDArray[np.float32]
    """(n, 3) probabilities."""
    truth: NDArray[np.intp]
    """(n,) index into `SENTIMENTS`."""
    source: NDArray[np.str_]
    """(n,) data set."""
    counted: tuple[str, ...]
    """Data sets by which is chosen, each with the same weight."""

    def part(self, rows: NDArray[np.bool_]) -> Answers:
        """Some of the rows."""
        return Answers(self.quick[rows], self.slow[rows], self.truth[rows], self.source[rows], self.counted)

    def mixed(self, setting: Setting) -> Mixed:
        """The answers of a cascade."""
        deep = certainty(self.quick, BY[0]) < setting.threshold
        both = (1 - setting.blend) * self.quick + setting.blend * self.slow
        return Mixed(np.where(deep[:, None], both, self.quick).astype(np.float32), deep)

    def setting(self, share: float) -> Setting:
        """The setting by which so large a share goes to the slow model."""
        blend = max(BLENDS, key=lambda one: self._mean_of(Setting(one, _EVERYBODY)))
        if share <= 0 or share >= 1:
            return Setting(blend, _EVERYBODY if share >= 1 else _NOBODY)
        sure, weight = certainty(self.quick, BY[0]), self._weight()
        order = np.argsort(sure, kind="stable")
        passed = np.cumsum(weight[order])
        return Setting(blend, float(sure[order][min(int(np.searchsorted(passed, share)), len(order) - 1)]))

    def best(self, shares: Sequence[float]) -> Setting:
        """The setting of the share with the highest mean accuracy; of equals the smallest."""
        return max((self.setting(share) for share in sorted(shares)), key=self._mean_of)

    def accuracy(self, scores: NDArray[np.float32]) -> dict[str, float]:
        """Data set → accuracy; on sets without neutral tweets the larger of negative and positive."""
        right = self._right(scores)
        return {name: float(right[self.source == name].mean()) for name in self.counted}

    def mean(self, accuracy: Mapping[str, float]) -> float:
        """Over the data sets."""
        return float(np.mean([accuracy[name] for name in self.counted]))

    def share(self, rows: NDArray[np.bool_]) -> float:
        """Of the rows, every data set with the same weight."""
        return float((self._weight() * rows).sum())

    def difference(self, one: NDArray[np.float32], other: NDArray[np.float32]) -> tuple[float, float, float]:
        """Mean accuracy of `one` minus that of `other`, with a normal 95 % interval from the rows' differences."""
        gained = self._right(one).astype(float) - self._right(other).astype(float)
        sets = [gained[self.source == name] for name in self.counted]
        value = float(np.mean([mine.mean() for mine in sets]))
        error = float(np.sqrt(sum(mine.var(ddof=1) / len(mine) for mine in sets)) / len(sets))
        return value, value - 1.96 * error, value + 1.96 * error

    def _mean_of(self, setting: Setting) -> float:
        return self.mean(self.accuracy(self.mixed(setting).scores))

    def _right(self, scores: NDArray[np.float32]) -> NDArray[np.bool_]:
        scores = scores.copy()
        for name in set(self.source.tolist()):
            mine = self.source == name
            if not (self.truth[mine] == 1).any():
                scores[mine, 1] = -1
        right: NDArray[np.bool_] = scores.argmax(axis=1) == self.truth
        return right

    def _weight(self) -> NDArray[np.float64]:
        weight = np.zeros(len(self.truth))
        for name in self.counted:
            mine = self.source == name
            weight[mine] = 1 / mine.sum() / len(self.counted)
        return weight


def crossed(answers: Answers, choose: Callable[[Answers], Setting]) -> Mixed:
    """What a cascade answers whose setting was chosen on the half of the texts that this text is not in."""
    half = np.zeros(len(answers.truth), bool)
    rng = np.random.default_rng(0)
    for name in dict.fromkeys(answers.source.tolist()):
        mine = np.flatnonzero(answers.source == name)
        half[rng.permutation(mine)[: len(mine) // 2]] = True
    scores, deep = answers.quick.copy(), np.zeros(len(half), bool)
    for here in (half, ~half):
        scores[here], deep[here] = answers.part(here).mixed(choose(answers.part(~here)))
    return Mixed(scores, deep)


def shares_within(shares: Sequence[float], costs: tuple[float, float], times: float) -> list[float]:
    """Those of the shares of slow answers by which both together are `times` as fast as the slow model alone.

    The largest share that is quick enough is one of them, whether it was among `shares` or not.

    Args:
        costs: processor seconds a tweet of the quick and of the slow model.
    """
    largest = max(0.0, 1 / times - costs[0] / costs[1])
    return [*(share for share in shares if share < largest), largest]
