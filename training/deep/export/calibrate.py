"""From a trained network to the model that serves: calibrated, converted, measured as it will answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from contracts.events import SENTIMENTS
from models.deep.cleaning import CLEANING
from models.deep.model import DeepModel, softmax
from training.data.datasets import TrainingData, data_summary
from training.deep.export.convert import converted, runtime_of
from training.deep.runs.work_folder import Finished
from training.evaluation.held_out import drawn
from training.evaluation.metrics import held_out_report

MOST_MEASURED: Final = 20_000
"""Held-out rows of one set that are scored, the same for every model."""


@dataclass(frozen=True)
class Answers:
    """Logits on held-out texts."""

    rows: Mapping[str, NDArray[np.int64]]
    """Data set → rows of the training data."""
    logits: Mapping[str, NDArray[np.float32]]
    """Data set → (n, 3)."""


def held_out_rows(data: TrainingData, most: int = MOST_MEASURED) -> dict[str, NDArray[np.int64]]:
    """Data set → rows to measure on, at most `most` of each: those by which the gate compares, in order."""
    found = {}
    for source in data.sources:
        rows = np.flatnonzero(data.held_out & (data.source == source.name))
        if len(rows):
            found[source.name] = np.sort(rows[drawn(source.name, [data.texts[row] for row in rows.tolist()], most)])
    return found


def answers_of(
    model: DeepModel, data: TrainingData, progress: Callable[[str], None], most: int = MOST_MEASURED
) -> Answers:
    """The model's predictions for held-out texts."""
    rows = held_out_rows(data, most)
    logits = {}
    for name, mine in rows.items():
        progress(f"scoring {len(mine):,} held-out texts of {name}")
        logits[name] = model.logits([data.texts[row] for row in mine.tolist()])
    return Answers(rows, logits)


def temperature_of(answers: Answers, data: TrainingData) -> float:
    """The temperature with the least cross-entropy on people's held-out labels (Guo et al. 2017, arXiv:1706.04599).

    The calibration reported is of these rows, too; one number from thousands of rows learns little of them
    (docs/deep-models.md says how little). French is left out: a few hundred texts of another language.
    """
    named = [name for name in answers.rows if name in ("airline", "semeval")] or list(answers.rows)
    logits = np.concatenate([answers.logits[name] for name in named]).astype(np.float64)
    truth = np.concatenate([truth_of(data, answers.rows[name]) for name in named])

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        top = scaled.max(axis=1)
        return float(
            np.mean(top + np.log(np.exp(scaled - top[:, None]).sum(axis=1)) - scaled[np.arange(len(truth)), truth])
        )

    return float(np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded").x))


def truth_of(data: TrainingData, rows: NDArray[np.int64]) -> NDArray[np.intp]:
    """Labels of the rows as indices into `SENTIMENTS`."""
    return np.searchsorted(np.array(SENTIMENTS), data.labels[rows])


def report(answers: Answers, data: TrainingData, temperature: float) -> dict[str, Any]:
    """Data set → the figures of `buzzwatch evaluate`, and the ECE of negative and positive rescaled to one."""
    figures = {}
    for name, rows in answers.rows.items():
        scores = softmax(answers.logits[name] / temperature)
        figures[name] = held_out_report(scores, data.labels[rows])
    return figures


def served(
    finished: Finished,
    data: TrainingData,
    form: str,
    noted: Mapping[str, Any],
    progress: Callable[[str], None],
    most: int = MOST_MEASURED,
) -> tuple[DeepModel, dict[str, NDArray[np.float32]], Answers]:
    """The model as it serves, with its figures on held-out texts in its metadata.

    Args:
        form: one of `convert.FORMATS`.
        noted: `family`, `member`, `longest`, `params` and what else belongs into the metadata.

    Returns:
        the model, its probabilities by data set, and the logits behind them.
    """
    progress(f"converting to {form}")
    metadata: dict[str, Any] = {
        **noted,
        "cleaning": CLEANING,
        "runtime": runtime_of(form),
        "form": form,
        "trained_on": data_summary(data.source[data.learn].tolist()),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_hash": data.data_hash,
    }
    content, words = converted(finished, form), finished.tokenizer.encode("utf-8")
    answers = answers_of(DeepModel(metadata, words, content), data, progress, most)
    temperature = temperature_of(answers, data)
    metadata |= {"temperature": temperature, "metrics": report(answers, data, temperature)}
    scores = {name: softmax(logits / temperature) for name, logits in answers.logits.items()}
    return DeepModel(metadata, words, content), scores, answers
