"""How far judges agree, and how far each can be relied on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_PASSES: Final = 50
_ENOUGH: Final = 1e-6
_RIGHT_BEFORE: Final = 8.0
_WRONG_BEFORE: Final = 1.0
"""What is believed of a judge before the first judgement: right in 8 of 10, as in the field people agree with a
majority of others. Judged together with others ten times, what is seen weighs as much."""


def cohens_kappa(first: Sequence[int], second: Sequence[int]) -> float | None:
    """Agreement of two judges beyond chance on the same items (Cohen 1960); None where chance explains everything.

    Args:
        first, second: (n,) codes of labels.
    """
    cells = np.asarray(first, np.intp) * 3 + np.asarray(second, np.intp)
    table = np.bincount(cells, minlength=9).reshape(3, 3)
    n = table.sum()
    if not n:
        return None
    by_chance = float((table.sum(axis=0) * table.sum(axis=1)).sum()) / float(n) ** 2
    return None if by_chance == 1 else (float(np.trace(table)) / float(n) - by_chance) / (1 - by_chance)


def krippendorffs_alpha(items: Sequence[int], codes: Sequence[int], labels: int = 3) -> float | None:
    """Agreement of any number of judges, each of whom may have judged only some (Krippendorff 2004, nominal).

    Args:
        items: (n,) what was judged. codes: (n,) how; a judge has one row for an item.

    Returns:
        None when no item has two judgements, or all have the same label.
    """
    _, places = np.unique(np.asarray(items, np.intp), return_inverse=True)
    counts = np.bincount(places * labels + np.asarray(codes, np.intp), minlength=(places.max(initial=-1) + 1) * labels)
    table = counts.reshape(-1, labels).astype(float)
    table = table[table.sum(axis=1) > 1]
    sizes = table.sum(axis=1)
    n = sizes.sum()
    totals = table.sum(axis=0)
    expected = (n**2 - (totals**2).sum()) / max(n - 1, 1)
    if not n or not expected:
        return None
    observed = ((sizes**2 - (table**2).sum(axis=1)) / (sizes - 1)).sum()
    return float(1 - observed / expected)


class Consensus(NamedTuple):
    """What judges said, taken together."""

    probabilities: NDArray[np.float64]
    """(items, labels)."""
    confusion: NDArray[np.float64]
    """(judges, truth, said): how often each says what."""

    reliability: NDArray[np.float64]
    """(judges,): how often each is right, by those who judged the same."""


def dawid_skene(
    items: NDArray[np.intp], judges: NDArray[np.intp], codes: NDArray[np.intp], labels: int = 3
) -> Consensus:
    """Labels and each judge's confusion by expectation maximisation (Dawid and Skene 1979), with a prior.

    Without the prior a judge who never met another would count as perfect, or as anything. No label is taken for more
    likely because it is frequent, as in the original: where each text has one judgement, that would call nearly every
    rare label a mistake, and the next pass would find it rarer still.

    Args:
        items, judges, codes: (n,) numbers from 0 on, a row for each judgement.
    """
    n_items, n_judges = int(items.max(initial=-1)) + 1, int(judges.max(initial=-1)) + 1
    prior = np.full((labels, labels), _WRONG_BEFORE) + np.eye(labels) * (_RIGHT_BEFORE - _WRONG_BEFORE)
    votes = np.bincount(items * labels + codes, minlength=n_items * labels).reshape(n_items, labels)
    share = votes / np.maximum(votes.sum(axis=1, keepdims=True), 1)
    confusion = np.zeros((n_judges, labels, labels))
    # Only what several judges said shows how right one of them is: alone, each would confirm itself.
    shared = votes.sum(axis=1)[items] > 1
    for _ in range(_PASSES):
        confusion = np.repeat(prior[None], n_judges, axis=0)
        np.add.at(confusion.swapaxes(1, 2), (judges[shared], codes[shared]), share[items[shared]])
        confusion /= confusion.sum(axis=2, keepdims=True)
        log = np.zeros((n_items, labels))
        np.add.at(log, items, np.log(confusion[judges, :, codes]))
        log -= log.max(axis=1, keepdims=True)
        new = np.exp(log)
        new /= new.sum(axis=1, keepdims=True)
        moved = float(np.abs(new - share).max(initial=0.0))
        share = new
        if moved < _ENOUGH:
            break
    right = np.bincount(judges[shared], share[items[shared], codes[shared]], minlength=n_judges)
    n = np.bincount(judges[shared], minlength=n_judges)
    before = _RIGHT_BEFORE + (labels - 1) * _WRONG_BEFORE
    return Consensus(share, confusion, (right + _RIGHT_BEFORE) / (n + before))
