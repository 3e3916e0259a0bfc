"""The gate: may this model take the champion's place?

Every held-out set and every slice of it is compared row by row; those labelled by people judge, those labelled by
emoticons are shown only, unless there are no others. A model passes unless it is shown to be worse
somewhere: the upper end of the interval of (challenger - champion), by a paired bootstrap, is below zero. For a whole
set the interval has 95 %. There are some forty slices, of which one would fail by chance for a model that is just as
good; so theirs have 95 % together (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import BuzzwatchError
from contracts.events import SENTIMENTS
from training.evaluation.held_out import DRAWN_ANEW, HeldOut

FEWEST: Final = 50
"""Rows that a slice must have to be compared."""
LEAST_OVERLAP: Final = 0.8
"""Share of the champion's held-out rows of each set that the challenger must have been measured on, too."""
ENOUGH: Final = 4_000
"""Rows of a set that suffice whatever their share: a slow model need not score all of a large one."""
_RESAMPLES: Final = 20_000
_SAME: Final = 1e-3
"""Scores that differ by less are the same: they are kept in 65,535 steps."""
_NEGATIVE: Final = SENTIMENTS.index("negative")


class GateRefused(BuzzwatchError):
    """A model may not become champion. Says why."""


@dataclass(frozen=True)
class Comparison:
    """One figure of both models on the same rows."""

    where: str
    """Data set, or `data set / slice`."""
    figure: str
    n: int
    champion: float
    challenger: float
    low: float
    high: float
    """Interval of the difference, challenger - champion."""
    judges: bool = True
    """Whether the set decides; one labelled by emoticons does not."""

    @property
    def worse(self) -> bool:
        """Shown to be worse where it counts."""
        return self.judges and self.high < 0

    def as_json(self) -> dict[str, Any]:
        """With the verdict."""
        return {**asdict(self), "worse": self.worse}


def compare(champion: HeldOut, challenger: HeldOut) -> list[Comparison]:
    """Sets first, then slices.

    Raises:
        GateRefused: the two were not measured on the same texts.
    """
    distant = _distant(champion, challenger)
    ours, theirs = _pairs(champion, challenger, distant)
    right = np.stack([_right(champion, ours), _right(challenger, theirs)])
    truth, source = champion.truth[ours], champion.source[ours]
    found: list[Comparison] = []
    for name in dict.fromkeys(source.tolist()):
        mine = source == name
        counts = _counts(truth[mine], right[:, mine])
        for figure, weights in _figures(counts, distant=not (truth[mine] == 1).any()):
            found.append(replace(_comparison(name, figure, counts, weights, 0.05), judges=name not in distant))
    slices = [
        (f"{name} / {label}", inside)
        for name in dict.fromkeys(source.tolist())
        if name not in distant
        for label, members in champion.slices.items()
        if (inside := members[ours] & (source == name)).sum() >= FEWEST
    ]
    for where, inside in slices:
        counts = _counts(truth[inside], right[:, inside])
        found.append(_comparison(where, "accuracy", counts, np.ones(3) / counts.sum(), 0.05 / len(slices)))
    return found


def check(
    champion: HeldOut | None, challenger: HeldOut | None, champion_on_same: HeldOut | None = None
) -> list[Comparison]:
    """`compare`, and the verdict.

    Args:
        champion_on_same: what the champion says about the challenger's rows, as a retraining keeps it: sets that are
            `DRAWN_ANEW` are compared on these, for the champion carries older rows of them, or none.

    Raises:
        GateRefused: it is worse somewhere, or cannot be compared.
    """
    if champion is None or challenger is None:
        which = "champion" if champion is None else "challenger"
        raise GateRefused(f"the {which} carries no held-out predictions, so the two cannot be compared")
    comparisons = compare(_with_new_rows(champion, champion_on_same), challenger)
    if worse := [comparison for comparison in comparisons if comparison.worse]:
        first = worse[0]
        more = f" (and {len(worse) - 1} more)" if len(worse) > 1 else ""
        raise GateRefused(
            f"worse than the champion on {first.where}: {first.figure} {first.challenger:.4f} instead of "
            f"{first.champion:.4f}, difference {first.low:+.4f} to {first.high:+.4f}, n = {first.n:,}{more}"
        )
    return comparisons


def _with_new_rows(champion: HeldOut, on_same: HeldOut | None) -> HeldOut:
    """The champion's evidence with its answers to the challenger's rows in place of its own of sets drawn anew."""
    if on_same is None or list(on_same.slices) != list(champion.slices) or not _is_same_model(champion, on_same):
        return champion
    kept = champion.rows(~np.isin(champion.source, DRAWN_ANEW))
    new = on_same.rows(np.isin(on_same.source, DRAWN_ANEW))
    return HeldOut(
        keys=np.concatenate([kept.keys, new.keys]),
        source=np.concatenate([kept.source, new.source]),
        truth=np.concatenate([kept.truth, new.truth]),
        scores=np.concatenate([kept.scores, new.scores]),
        slices={name: np.concatenate([kept.slices[name], new.slices[name]]) for name in kept.slices},
        distant=champion.distant,
    )


def _is_same_model(one: HeldOut, other: HeldOut) -> bool:
    """Whether the same model has answered: on rows of lasting sets that both hold the answers are the same."""
    _, ours, theirs = np.intersect1d(one.keys, other.keys, return_indices=True)
    same = (one.source[ours] == other.source[theirs]) & ~np.isin(one.source[ours], DRAWN_ANEW)
    ours, theirs = ours[same], theirs[same]
    return bool(len(ours)) and bool(np.abs(one.scores[ours] - other.scores[theirs]).max() < _SAME)


def _distant(champion: HeldOut, challenger: HeldOut) -> frozenset[str]:
    """Sets that do not judge: labelled by emoticons, while others are not."""
    distant = champion.distant | challenger.distant
    return distant if set(champion.source.tolist()) - distant else frozenset()


def _pairs(
    champion: HeldOut, challenger: HeldOut, distant: frozenset[str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if np.array_equal(champion.keys, challenger.keys) and np.array_equal(champion.truth, challenger.truth):
        everything = np.arange(len(champion.keys))
        return everything, everything
    _, ours, theirs = np.intersect1d(champion.keys, challenger.keys, return_indices=True)
    same = (champion.truth[ours] == challenger.truth[theirs]) & (champion.source[ours] == challenger.source[theirs])
    for name in dict.fromkeys(champion.source.tolist()):
        shared = int((same & (champion.source[ours] == name)).sum())
        total = int((champion.source == name).sum())
        if name not in distant and shared < min(LEAST_OVERLAP * total, ENOUGH):
            raise GateRefused(
                f"the challenger was measured on {shared:,} of the champion's {total:,} held-out texts of {name}: "
                "train both on the same data, or name labelled tweets that neither has learnt from with --on FILE"
            )
    return ours[same], theirs[same]


def _right(held_out: HeldOut, rows: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Whether the answer is right; on sets without neutral tweets neutral is no answer."""
    scores, truth, source = held_out.scores[rows].copy(), held_out.truth[rows], held_out.source[rows]
    for name in set(source.tolist()):
        mine = source == name
        if not (truth[mine] == 1).any():
            scores[mine, 1] = -1.0
    right: NDArray[np.bool_] = scores.argmax(axis=1) == truth
    return right


def _counts(truth: NDArray[np.int64], right: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(3, 2, 2): truth, champion right, challenger right. All figures are sums over such cells."""
    cell = truth * 4 + right[0] * 2 + right[1]
    return np.bincount(cell, minlength=12).reshape(3, 2, 2)


def _figures(counts: NDArray[np.int64], *, distant: bool) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Figures as weights of each truth's number of right answers."""
    totals = counts.sum(axis=(1, 2)).astype(float)
    yield ("binary_accuracy" if distant else "accuracy"), np.ones(3) / totals.sum()
    present = totals > 0
    recall = np.where(present, 1 / np.maximum(totals, 1), 0.0)
    if not distant:
        yield "macro_recall", recall / present.sum()
    if present[_NEGATIVE]:
        yield "recall of negative", np.where(np.arange(3) == _NEGATIVE, recall, 0.0)


def _comparison(
    where: str, figure: str, counts: NDArray[np.int64], weights: NDArray[np.float64], alpha: float
) -> Comparison:
    # Rows of one truth are resampled among themselves, so that recalls keep their denominators.
    rng = np.random.default_rng(0)
    differences = np.zeros(_RESAMPLES)
    for truth in np.flatnonzero(weights):
        n = int(counts[truth].sum())
        gained, lost = counts[truth, 0, 1], counts[truth, 1, 0]
        if n and gained + lost:
            drawn = rng.multinomial(n, np.array([gained, lost, n - gained - lost]) / n, size=_RESAMPLES)
            differences += weights[truth] * (drawn[:, 0] - drawn[:, 1])
    low, high = np.quantile(differences, [alpha / 2, 1 - alpha / 2])
    return Comparison(
        where=where,
        figure=figure,
        n=int(counts[weights > 0].sum()),
        champion=float((weights * counts[:, 1, :].sum(axis=1)).sum()),
        challenger=float((weights * counts[:, :, 1].sum(axis=1)).sum()),
        low=float(low),
        high=float(high),
    )
