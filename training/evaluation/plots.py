"""Confusion matrix, ROC curve and reliability diagram of each held-out set, and learning curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from sklearn.metrics import ConfusionMatrixDisplay, RocCurveDisplay

from contracts.events import SENTIMENTS
from training.evaluation.metrics import BINS


def draw_plots(held_out: Mapping[str, tuple[NDArray[np.str_], NDArray[np.float32]]], folder: Path) -> None:
    """Write `<data set>.png` for each; labels (n,) and probabilities (n, 3)."""
    folder.mkdir(parents=True, exist_ok=True)
    names = np.array(SENTIMENTS)
    for source, (labels, scores) in held_out.items():
        figure = Figure(figsize=(15, 4.5), layout="constrained")
        confusion, roc, reliability = figure.subplots(1, 3)
        predicted = names[scores.argmax(axis=1)]
        ConfusionMatrixDisplay.from_predictions(
            labels, predicted, labels=names, normalize="true", values_format=".2f", ax=confusion, colorbar=False
        )
        confusion.set_title(f"{source}, n = {len(labels):,}")
        polar = labels != "neutral"
        positive = labels[polar] == "positive"
        if 0 < positive.sum() < len(positive):
            pair = scores[polar][:, [0, 2]]
            RocCurveDisplay.from_predictions(positive, pair[:, 1] / pair.sum(axis=1), ax=roc, name="positive")
        roc.set_title("positive against negative")
        confidence, right = scores.max(axis=1), predicted == labels
        bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
        used = [k for k in range(BINS) if (bins == k).any()]
        reliability.plot([0, 1], [0, 1], "--", color="grey")
        reliability.plot([confidence[bins == k].mean() for k in used], [right[bins == k].mean() for k in used], "o-")
        reliability.set(xlabel="confidence", ylabel="share right", title="reliability", xlim=(0.3, 1), ylim=(0, 1))
        figure.savefig(folder / f"{source}.png", dpi=80)


def draw_learning_curve(curve: Mapping[str, Sequence[tuple[int, float]]], folder: Path) -> None:
    """Write `learning_curve.png`: held-out accuracy of each set by the rows that were learnt from."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    for source, points in curve.items():
        axes.plot([rows for rows, _ in points], [accuracy for _, accuracy in points], "o-", label=source)
    axes.set(xlabel="rows learnt from", ylabel="accuracy, three labels", xscale="log")
    axes.legend()
    figure.savefig(folder / "learning_curve.png", dpi=80)


def draw_losses(losses: Sequence[tuple[int, float]], folder: Path) -> None:
    """Write `learning_curve.png` of a network: the loss by the tweets that it has seen, repeats counted."""
    folder.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(6, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.plot([rows for rows, _ in losses], [loss for _, loss in losses])
    axes.set(xlabel="tweets seen", ylabel="loss in training, moving average")
    figure.savefig(folder / "learning_curve.png", dpi=80)
