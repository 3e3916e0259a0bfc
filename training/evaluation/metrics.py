"""What `evaluate` measures, each with a 95 % interval."""

from __future__ import annotations

from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS

BINS: Final = 15
"""Equal-width bins of the calibration error."""
_RESAMPLES: Final = 2000
_Z: Final = NormalDist().inv_cdf(0.975)


class Measured(NamedTuple):
    """A value and its 95 % interval."""

    value: float
    low: float
    high: float


def measure(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.str_]) -> dict[str, Any]:
    """The report of `buzzwatch evaluate`.

    Args:
        probabilities: (n, 3), columns in the order of `SENTIMENTS`.
        labels: (n,) names, n at least 1.

    Returns:
        `n`, and `Measured` for `accuracy, macro_f1, macro_recall, binary_accuracy, roc_auc, brier, ece`; `recall` maps
        the labels present to theirs. Macros run over the labels present. `binary_accuracy` and `roc_auc` leave neutral
        rows out and compare negative with positive; None where no such rows are.
    """
    table = np.asarray(probabilities, np.float64)
    truth = np.searchsorted(np.array(SENTIMENTS), labels)
    predicted = table.argmax(axis=1)
    confusion = np.bincount(3 * truth + predicted, minlength=9).reshape(3, 3)
    present = np.flatnonzero(confusion.sum(axis=1))
    resampled = _resample(confusion.ravel()).reshape(-1, 3, 3)

    polar = truth != 1
    pair = table[polar][:, [0, 2]]
    positive = truth[polar] == 2
    right = (pair[:, 1] > pair[:, 0]) == positive
    squares = ((table - np.eye(3)[truth]) ** 2).sum(axis=1)
    return {
        "n": len(truth),
        "accuracy": wilson(int(np.trace(confusion)), len(truth)),
        "macro_f1": _bootstrap(_macro_f1(confusion[None], present)[0], _macro_f1(resampled, present)),
        "macro_recall": _bootstrap(_macro_recall(confusion[None], present)[0], _macro_recall(resampled, present)),
        "binary_accuracy": wilson(int(right.sum()), len(right)) if len(right) else None,
        "roc_auc": delong(pair[:, 1] / np.maximum(pair.sum(axis=1), 1e-12), positive),
        "brier": _mean(squares),
        "ece": calibration_error(table.max(axis=1), predicted == truth),
        "recall": {SENTIMENTS[k]: wilson(int(confusion[k, k]), int(confusion[k].sum())) for k in present.tolist()},
    }


def wilson(right: int, n: int) -> Measured:
    """A proportion with Wilson's score interval (Wilson 1927)."""
    share = right / n
    centre = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
    half = _Z / (1 + _Z**2 / n) * float(np.sqrt(share * (1 - share) / n + _Z**2 / (4 * n * n)))
    return Measured(share, max(0.0, min(share, centre - half)), min(1.0, max(share, centre + half)))


def delong(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> Measured | None:
    """Area under the ROC curve, ties counting half, with the interval of DeLong et al. 1988.

    Computed from ranks (Sun and Xu 2014). None unless both kinds are there.
    """
    ups, downs = score[positive], score[~positive]
    m, n = len(ups), len(downs)
    if not m or not n:
        return None
    ranks = _ranks(np.concatenate([ups, downs]))
    over = (ranks[:m] - _ranks(ups)) / n
    under = 1 - (ranks[m:] - _ranks(downs)) / m
    area = float(over.mean())
    variance = (over.var(ddof=1) / m if m > 1 else 0.0) + (under.var(ddof=1) / n if n > 1 else 0.0)
    half = _Z * float(np.sqrt(variance))
    return Measured(area, max(0.0, area - half), min(1.0, area + half))


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """From 1; equal values share the mean of theirs, as `scipy.stats.rankdata` has it. SciPy is 140 MB in the image."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    means: NDArray[np.float64] = last - (counts - 1) / 2
    ranks: NDArray[np.float64] = means[place]
    return ranks


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> Measured:
    """Expected calibration error of the top label in 15 equal-width bins (Guo et al. 2017, arXiv:1706.04599).

    Rows are resampled as counts of (bin, right or wrong), each cell keeping its mean confidence.
    """
    cell = 2 * np.minimum((confidence * BINS).astype(int), BINS - 1) + right
    counts = np.bincount(cell, minlength=2 * BINS)
    means = np.bincount(cell, confidence, minlength=2 * BINS) / np.maximum(counts, 1)

    def error(tables: NDArray[np.int64]) -> NDArray[np.float64]:
        gaps = (tables * means).reshape(-1, BINS, 2).sum(axis=2) - tables.reshape(-1, BINS, 2)[:, :, 1]
        result: NDArray[np.float64] = np.abs(gaps).sum(axis=1) / len(confidence)
        return result

    return _bootstrap(error(counts[None])[0], error(_resample(counts)))


def binary_calibration_error(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.str_]) -> Measured | None:
    """`calibration_error` of the larger of negative and positive, rescaled so that the two sum to one.

    What a set without neutral tweets can say of the calibration: there every probability of neutral is wrong. Neutral
    rows are left out; None where no others are.

    Args:
        probabilities: (n, 3), columns in the order of `SENTIMENTS`.
        labels: (n,) names.
    """
    polar = labels != SENTIMENTS[1]
    if not polar.any():
        return None
    pair = np.asarray(probabilities, np.float64)[polar][:, [0, 2]]
    confidence = pair.max(axis=1) / np.maximum(pair.sum(axis=1), 1e-12)
    return calibration_error(confidence, (pair[:, 1] > pair[:, 0]) == (labels[polar] == SENTIMENTS[2]))


def _resample(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of bootstrap samples: rows that fall in the same cell are alike. The seed is fixed: the same answer."""
    total = int(counts.sum())
    return np.random.default_rng(0).multinomial(total, counts / total, size=_RESAMPLES)


def _bootstrap(value: float, resampled: NDArray[np.float64]) -> Measured:
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Measured(float(value), float(min(low, value)), float(max(high, value)))


def _macro_recall(tables: NDArray[np.int64], present: NDArray[np.intp]) -> NDArray[np.float64]:
    hits = np.diagonal(tables, axis1=1, axis2=2)[:, present]
    recall: NDArray[np.float64] = hits / np.maximum(tables.sum(axis=2)[:, present], 1)
    mean: NDArray[np.float64] = recall.mean(axis=1)
    return mean


def _macro_f1(tables: NDArray[np.int64], present: NDArray[np.intp]) -> NDArray[np.float64]:
    hits = np.diagonal(tables, axis1=1, axis2=2)[:, present]
    either = (tables.sum(axis=1) + tables.sum(axis=2))[:, present]
    f1: NDArray[np.float64] = 2 * hits / np.maximum(either, 1)
    mean: NDArray[np.float64] = f1.mean(axis=1)
    return mean


def _mean(values: NDArray[np.float64]) -> Measured:
    mean = float(values.mean())
    half = _Z * float(values.std(ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0
    return Measured(mean, max(0.0, mean - half), min(2.0, mean + half))


def as_json(report: dict[str, Any]) -> dict[str, Any]:
    """A report with every `Measured` as `{"value", "low", "high"}`, rounded to six digits."""

    def plain(value: Any) -> Any:
        if isinstance(value, Measured):
            return {name: round(number, 6) for name, number in value._asdict().items()}
        if isinstance(value, dict):
            return {name: plain(inner) for name, inner in value.items()}
        return value

    return {name: plain(value) for name, value in report.items()}


def held_out_report(probabilities: NDArray[np.floating[Any]], labels: NDArray[np.str_]) -> dict[str, Any]:
    """What is stored of a model on a held-out set: the report of `measure` and `binary_ece`, as JSON."""
    return as_json(measure(probabilities, labels) | {"binary_ece": binary_calibration_error(probabilities, labels)})
