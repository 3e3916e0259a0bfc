"""Putting a cascade together: how sure is sure enough, and what each answer costs.

Blend and threshold are chosen on one half of the held-out texts and measured on the other, and the other way round, so
that no figure is of texts that it was chosen on. What serves is chosen on both halves.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.base.artefact import METADATA, load_artefact
from models.cascade import BY, CascadeModel
from models.deep.model import DeepModel
from models.linear.model import HashedModel
from training.data.datasets import TrainingData
from training.deep.cascade.thresholds import Answers, Setting, crossed, shares_within
from training.deep.export.calibrate import held_out_rows, truth_of
from training.evaluation.drift_reference import reference
from training.evaluation.held_out import HeldOut
from training.evaluation.metrics import held_out_report
from training.linear.model_zoo import MEMBERS
from training.linear.train import fit_on

SHARES: Final = (0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""Of the tweets that go to the deep tier, the points of the curve."""
_TIMED: Final = 1_000


@dataclass(frozen=True)
class Point:
    """What one threshold gives."""

    share: float
    """Of the tweets that the deep tier answers."""
    threshold: float
    """The one chosen on all texts."""
    tweets_per_s: float
    """From both models' processor time a tweet."""
    accuracy: Mapping[str, float]
    """Data set → accuracy; on sets without neutral tweets the larger of negative and positive."""
    mean: float
    """Of the sets by which is chosen."""


@dataclass(frozen=True)
class Curve:
    """Accuracy against speed, and the point that was chosen."""

    points: list[Point]
    chosen: Point
    blend: float
    deep_alone: float
    """Mean accuracy of the deep model alone."""
    deep_tweets_per_s: float
    gap: tuple[float, float, float]
    """Chosen point minus deep model alone in mean accuracy: value and 95 % interval, row by row."""
    rows: Mapping[str, int]


def cascade_of(
    linear: HashedModel,
    deep: DeepModel,
    data: TrainingData,
    most: int,
    budget_s: float,
    patience_s: float,
    progress: Callable[[str], None],
    *,
    times: float = 5.0,
) -> tuple[CascadeModel, Curve, HeldOut]:
    """Choose blend and threshold on held-out texts.

    Of the shares of deep answers by which it is at least `times` as fast as the deep model, the most accurate is taken.

    Args:
        linear: should not have learnt from the held-out texts, or it looks surer than it is.
        most: held-out texts of each set.
        times: the deep model's throughput that the cascade must reach.

    Returns:
        the cascade, its curve, and its answers to the held-out texts for the gate.
    """
    rows = held_out_rows(data, most)
    sets = judging(data, rows)
    answers = _answers(linear, deep, data, rows, sets, progress)
    progress("timing both")
    timed = [data.texts[row] for name in sets for row in rows[name].tolist()[:_TIMED]]
    costs = _cost(linear, timed * 5), _cost(deep, timed[: len(timed) // 3])
    progress("choosing")
    points = [_point(answers, partial(Answers.setting, share=share), costs) for share in SHARES]

    choose = partial(Answers.best, shares=shares_within(SHARES, costs, times))
    setting = choose(answers)
    mixed = crossed(answers, choose)
    curve = Curve(
        points=points,
        chosen=_point(answers, choose, costs),
        blend=setting.blend,
        deep_alone=answers.mean(answers.accuracy(answers.slow)),
        deep_tweets_per_s=1 / costs[1],
        gap=answers.difference(mixed.scores, answers.slow),
        rows={name: len(rows[name]) for name in sets},
    )
    evidence, measured = _measured(data, rows, answers, mixed.scores)
    metadata: dict[str, Any] = {
        "by": BY[0],
        "threshold": setting.threshold,
        "blend": setting.blend,
        "budget_s": budget_s,
        "patience_s": patience_s,
        "data_hash": data.data_hash,
        "trained_on": deep.metadata.get("trained_on", ""),
        "params": {"linear": linear.metadata.get("data_hash", ""), "deep": deep.metadata.get("member", "")},
        **measured,
    }
    return CascadeModel(linear, deep, metadata), curve, evidence


def judging(data: TrainingData, rows: Mapping[str, NDArray[np.int64]]) -> tuple[str, ...]:
    """The held-out sets by which is chosen, each counting the same: English tweets that people labelled.

    All sets where there are none: an emoticon is no judgement, but better than nothing to choose by.
    """
    people = [one.name for one in data.sources if one.role in ("people", "test") and one.language in (None, "en")]
    return tuple(name for name in people if name in rows) or tuple(rows)


def _measured(
    data: TrainingData, rows: Mapping[str, NDArray[np.int64]], answers: Answers, scores: NDArray[Any]
) -> tuple[HeldOut, dict[str, Any]]:
    """The cascade's answers to the held-out texts, and the metadata that are computed from them."""
    kept = np.concatenate(list(rows.values()))
    texts = [data.texts[row] for row in kept.tolist()]
    evidence = HeldOut.of(texts, data.labels[kept], data.source[kept], data.company[kept], scores)
    reports = {name: held_out_report(scores[answers.source == name], data.labels[mine]) for name, mine in rows.items()}
    return evidence, {"metrics": reports, "reference": reference(evidence)}


def unseen_linear(data: TrainingData, cache: Path, progress: Callable[[str], None]) -> HashedModel:
    """The compiled linear model, learnt from the learning split alone; kept in `cache`.

    The shipped one has seen the held-out texts: on them it is surer, and right more often, than on anything new.
    """
    folder = cache / f"linear-{data.data_hash[:16]}"
    if not (folder / METADATA).is_file():
        estimator = MEMBERS["hashed"].build(0)
        fit_on(estimator, data, data.learn, lambda step: progress(f"linear: {step}"))
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
    axes.plot([curve.deep_tweets_per_s], [curve.deep_alone], "ks", label="mean, deep model alone")
    axes.axhline(curve.deep_alone, color="grey", linestyle="--")
    axes.plot(
        [curve.chosen.tweets_per_s], [curve.chosen.mean], "ko", markersize=9, fillstyle="none", label="mean, as chosen"
    )
    axes.set(
        xscale="log", xlabel="tweets a second, one thread", ylabel="accuracy", title="The cascade by its threshold"
    )
    axes.legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)


def _answers(
    linear: HashedModel,
    deep: DeepModel,
    data: TrainingData,
    rows: Mapping[str, NDArray[np.int64]],
    sets: tuple[str, ...],
    progress: Callable[[str], None],
) -> Answers:
    quick, slow = [], []
    for name, mine in rows.items():
        progress(f"both models on {len(mine):,} held-out texts of {name}")
        texts = [data.texts[row] for row in mine.tolist()]
        quick.append(linear.predict_proba(texts))
        slow.append(deep.predict_proba(texts))
    return Answers(
        quick=np.concatenate(quick),
        slow=np.concatenate(slow),
        truth=np.concatenate([truth_of(data, mine) for mine in rows.values()]),
        source=np.repeat(list(rows), [len(mine) for mine in rows.values()]),
        counted=sets,
    )


def _point(answers: Answers, choose: Callable[[Answers], Setting], costs: tuple[float, float]) -> Point:
    mixed, setting = crossed(answers, choose), choose(answers)
    accuracy = answers.accuracy(mixed.scores)
    share = answers.share(mixed.deep)
    return Point(share, setting.threshold, 1 / (costs[0] + share * costs[1]), accuracy, answers.mean(accuracy))


def _cost(model: HashedModel | DeepModel, texts: list[str]) -> float:
    """Seconds of processor time a tweet, in batches of 1,000."""
    model.predict_proba(texts[:64])
    started = time.process_time()
    for at in range(0, len(texts), 1_000):
        model.predict_proba(texts[at : at + 1_000])
    return (time.process_time() - started) / len(texts)
