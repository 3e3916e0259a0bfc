"""Putting a cascade together: how sure is sure enough, and what each answer costs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.artefact import METADATA, load_artefact
from models.cascade import CascadeModel
from models.deep.served import DeepModel
from models.hashed import HashedModel
from training.datasets import TrainingData
from training.deep.serving import held_out_rows, truth_of
from training.members import MEMBERS
from training.metrics import as_json, measure

SETS: Final = ("sentiment140", "airline", "semeval")
SHARES: Final = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Of the tweets that go to the deep tier, the points of the curve."""
CLOSE: Final = 0.003
"""So close to the deep model's accuracy the cascade should come."""
_TIMED: Final = 1_000


@dataclass(frozen=True)
class Point:
    """What one threshold gives."""

    share: float
    """Of the tweets that the deep tier answers."""
    threshold: float
    tweets_per_s: float
    """From both models' processor time a tweet."""
    accuracy: Mapping[str, float]
    """Data set → accuracy; on sets without neutral tweets the larger of negative and positive."""
    mean: float
    """Of the three sets."""


@dataclass(frozen=True)
class Curve:
    """Accuracy against speed, and the point that was chosen."""

    points: list[Point]
    chosen: Point
    blend: float
    deep_alone: float
    """Mean accuracy of the deep model alone."""
    deep_tweets_per_s: float
    rows: Mapping[str, int]


def cascade_of(
    linear: HashedModel,
    deep: DeepModel,
    data: TrainingData,
    most: int,
    budget_s: float,
    patience_s: float,
    tell: Callable[[str], None],
) -> tuple[CascadeModel, Curve]:
    """Choose blend and threshold on held-out texts.

    The smallest share of deep answers is taken whose mean accuracy comes within `CLOSE` of the deep model alone.

    Args:
        linear: should not have learnt from the held-out texts, or it looks surer than it is.
        most: held-out texts of each set.
    """
    rows = {name: mine for name, mine in held_out_rows(data, most).items() if name in SETS}
    quick, slow, truth = {}, {}, {}
    for name, mine in rows.items():
        tell(f"both models on {len(mine):,} held-out texts of {name}")
        texts = [data.texts[row] for row in mine.tolist()]
        quick[name], slow[name] = linear.predict_proba(texts), deep.predict_proba(texts)
        truth[name] = truth_of(data, mine)
    timed = [data.texts[row] for mine in rows.values() for row in mine.tolist()[:_TIMED]]
    costs = _cost(linear, timed * 5), _cost(deep, timed[: len(timed) // 3])
    alone = float(np.mean([_accuracy(slow[name], truth[name]) for name in rows]))
    # One number from thousands of texts: how much of the linear answer stays where the deep one was asked.
    blend = max((0.5, 0.6, 0.7, 0.8, 0.9, 1.0), key=lambda b: np.mean(
        [_accuracy((1 - b) * quick[name] + b * slow[name], truth[name]) for name in rows]
    ))  # fmt: skip
    confidence = np.concatenate([quick[name].max(axis=1) for name in rows])
    # Every set counts alike, so that the threshold is not that of the largest.
    weight = np.concatenate([np.full(len(rows[name]), 1 / len(rows[name])) for name in rows])
    points = [_point(share, confidence, weight, quick, slow, truth, blend, costs) for share in SHARES]
    close = [point for point in points if point.mean >= alone - CLOSE]
    curve = Curve(
        points=points,
        chosen=close[0] if close else points[-1],
        blend=blend,
        deep_alone=alone,
        deep_tweets_per_s=1 / costs[1],
        rows={name: len(mine) for name, mine in rows.items()},
    )
    metadata: dict[str, Any] = {
        "threshold": curve.chosen.threshold,
        "blend": blend,
        "budget_s": budget_s,
        "patience_s": patience_s,
        "data_hash": data.data_hash,
        "trained_on": deep.metadata.get("trained_on", ""),
        "params": {"linear": linear.metadata.get("data_hash", ""), "deep": deep.metadata.get("member", "")},
    }
    mixed = {name: _mixed(quick[name], slow[name], curve.chosen.threshold, blend) for name in rows}
    metadata["metrics"] = {name: as_json(measure(mixed[name], data.labels[rows[name]])) for name in rows}
    return CascadeModel(linear, deep, metadata), curve


def unseen_linear(data: TrainingData, cache: Path, tell: Callable[[str], None]) -> HashedModel:
    """The compiled linear model, learnt from the learning split alone; kept in `cache`.

    The shipped one has seen the held-out texts: on them it is surer, and right more often, than on anything new.
    """
    folder = cache / f"linear-{data.data_hash[:16]}"
    if not (folder / METADATA).is_file():
        estimator = MEMBERS["hashed"].build(0)
        texts, labels = data.rows(data.learn)
        distant = data.distant[data.learn]
        estimator.fit(texts, labels, data.weight[data.learn], distant=distant, progress=lambda s: tell(f"linear: {s}"))
        estimator.model_.save(folder)
    model = load_artefact(folder)
    assert isinstance(model, HashedModel)
    return model


def draw(curve: Curve, path: Path) -> None:
    """Accuracy against tweets a second, as a picture."""
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.subplots()
    speed = [point.tweets_per_s for point in curve.points]
    for name in curve.rows:
        axes.plot(
            speed, [point.accuracy[name] for point in curve.points], ".-", label=f"{name}, n = {curve.rows[name]:,}"
        )
    axes.plot(speed, [point.mean for point in curve.points], "k.-", label="mean")
    axes.axhline(curve.deep_alone, color="grey", linestyle="--", label="mean, deep model alone")
    axes.plot([curve.chosen.tweets_per_s], [curve.chosen.mean], "ko", markersize=9, fillstyle="none")
    axes.set(
        xscale="log", xlabel="tweets a second, one thread", ylabel="accuracy", title="The cascade by its threshold"
    )
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _point(
    share: float,
    confidence: NDArray[np.float32],
    weight: NDArray[np.float64],
    quick: Mapping[str, NDArray[np.float32]],
    slow: Mapping[str, NDArray[np.float32]],
    truth: Mapping[str, NDArray[np.intp]],
    blend: float,
    costs: tuple[float, float],
) -> Point:
    order = np.argsort(confidence, kind="stable")
    passed = np.cumsum(weight[order]) / weight.sum()
    threshold = (
        1.01 if share >= 1 else float(confidence[order][min(int(np.searchsorted(passed, share)), len(order) - 1)])
    )
    threshold = 0.0 if share <= 0 else threshold
    asked = float((weight * (confidence < threshold)).sum() / weight.sum())
    accuracy = {name: _accuracy(_mixed(quick[name], slow[name], threshold, blend), truth[name]) for name in quick}
    mean = float(np.mean(list(accuracy.values())))
    return Point(asked, threshold, 1 / (costs[0] + asked * costs[1]), accuracy, mean)


def _mixed(
    quick: NDArray[np.float32], slow: NDArray[np.float32], threshold: float, blend: float
) -> NDArray[np.float32]:
    unsure = quick.max(axis=1, keepdims=True) < threshold
    mixed: NDArray[np.float32] = np.where(unsure, (1 - blend) * quick + blend * slow, quick)
    return mixed


def _accuracy(scores: NDArray[np.float32], truth: NDArray[np.intp]) -> float:
    if not (truth == 1).any():
        scores = scores * np.array([1, 0, 1], np.float32)
    return float((scores.argmax(axis=1) == truth).mean())


def _cost(model: HashedModel | DeepModel, texts: list[str]) -> float:
    """Seconds of processor time a tweet, in batches of 1,000."""
    model.predict_proba(texts[:64])
    started = time.process_time()
    for at in range(0, len(texts), 1_000):
        model.predict_proba(texts[at : at + 1_000])
    return (time.process_time() - started) / len(texts)
