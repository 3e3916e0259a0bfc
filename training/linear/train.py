"""Training a member of a family: measure it on held-out texts, then let it learn from everything."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from models.linear.model import HashedModel
from models.linear.rare_words import unseen_shares
from models.text.masking import mask
from training.data.datasets import TrainingData, data_summary, load_training_data
from training.data.sources import Source
from training.evaluation.drift_reference import reference
from training.evaluation.held_out import HeldOut
from training.evaluation.metrics import held_out_report
from training.linear.hashed_classifier import HashedClassifier
from training.linear.model_zoo import TAUGHT_TEMPERATURE, Member

Progress = Callable[[str], None]

_CURVE: Final = (0.1, 0.3, 1.0)
"""Shares of the training rows on the learning curve."""


KNOWN_FROM: Final = 0.6
"""Macro-recall on held-out tweets from which a language counts as known."""
FEWEST: Final = 400
"""Held-out tweets that show it: fewer reach it by luck."""


@dataclass(frozen=True)
class Trained:
    """The result of a training run."""

    member: Member
    metrics: dict[str, Any]
    """Data set → `held_out_report` on its held-out texts."""
    held_out: dict[str, tuple[NDArray[np.str_], NDArray[np.float32]]]
    """Data set → true labels and probabilities (n, 3), for the plots."""
    evidence: HeldOut
    """The same row by row, to compare models with."""
    params: dict[str, Any]
    data_hash: str
    trained_on: str
    rows: int
    """Rows that the measured model learnt from."""
    distant_rows: int
    """Those of them labelled by emoticons."""
    seconds: float
    """How long that took, processor time."""
    tweets_per_s: float
    """Held-out texts scored a second of processor time."""
    curve: dict[str, list[tuple[int, float]]]
    """Data set → (rows, accuracy), for the learning curve."""
    model: HashedModel | None
    """The model trained on all data; None for a member that is measured only."""
    estimator: Any
    """The measured one, which has not seen the held-out texts."""

    @property
    def megabytes(self) -> float | None:
        """Of the weights on disk; None for a member that is measured only."""
        if not isinstance(self.estimator, HashedClassifier):
            return None
        with tempfile.TemporaryDirectory() as scratch:
            self.estimator.model_.save(Path(scratch))
            return round(sum(path.stat().st_size for path in Path(scratch).iterdir()) / 1e6, 2)

    def save(self, folder: Path) -> None:
        """Write the artefact and its held-out predictions.

        Raises:
            ValueError: there is no model to serve.
        """
        if self.model is None:
            raise ValueError(f"{self.member.name} is measured only")
        self.model.save(folder)
        self.evidence.save(folder)


def train(
    folder: Path,
    member: Member,
    seed: int,
    progress: Progress,
    *,
    distant: int | None = None,
    curve: bool = False,
    keep: bool = True,
    description: Path | None = None,
    report: Progress = lambda _: None,
    taught: Sequence[Path] = (),
) -> Trained:
    """Train on the labelled files of `folder`.

    Args:
        distant: most rows labelled by emoticons; the member's own number when not given, 0 for all.
        keep: train the model to be kept, on everything, when the member is one that serves.
        curve: also train on a tenth and three tenths of the rows.
        description, report, taught: as `load_training_data` takes them.

    Raises:
        SourcesError, DataError: the files or their description cannot be used.
    """
    progress("reading the data")
    data = load_training_data(folder, description, report, taught)
    learn = _limited(data, member, distant, seed)
    split = _Split.of(data)
    learnt: dict[str, list[tuple[int, float]]] = {source.name: [] for source in split.measured}
    for share in _CURVE if curve else _CURVE[-1:]:
        part = learn & (np.random.default_rng(seed).random(len(learn)) < share)
        estimator = member.build(seed)
        seconds = fit_on(estimator, data, part, lambda step: progress(f"on the learning split: {step}"))
        progress("measuring on held-out texts")
        scores, rate = _timed_scores(estimator, split.texts)
        for name, accuracy in split.accuracies(scores).items():
            learnt[name].append((int(part.sum()), accuracy))

    held_out = {name: (split.labels[mine], scores[mine]) for name, mine in split.by_source().items()}
    metrics = {name: held_out_report(found, labels) for name, (labels, found) in held_out.items()}
    evidence = split.evidence(data, scores)
    model = None
    if keep and isinstance(estimator, HashedClassifier):
        model = _final_model(member, data, seed, progress, metrics, evidence, split)
    return Trained(
        member=member,
        metrics=metrics,
        held_out=held_out,
        evidence=evidence,
        params=_plain(estimator),
        data_hash=data.data_hash,
        trained_on=data_summary(data.source[data.usable].tolist()),
        rows=int(learn.sum()),
        distant_rows=int((learn & data.distant).sum()),
        seconds=seconds,
        tweets_per_s=rate,
        curve=learnt if curve else {},
        model=model,
        estimator=estimator,
    )


@dataclass(frozen=True)
class _Split:
    """The held-out rows, source by source."""

    measured: list[Source]
    """Sources that have any."""
    rows: NDArray[np.intp]
    texts: list[str]
    labels: NDArray[np.str_]
    sources: NDArray[np.str_]

    @staticmethod
    def of(data: TrainingData) -> _Split:
        measured = [source for source in data.sources if (data.held_out & (data.source == source.name)).any()]
        rows = np.concatenate([np.flatnonzero(data.held_out & (data.source == source.name)) for source in measured])
        texts = [data.texts[i] for i in rows.tolist()]
        return _Split(measured, rows, texts, data.labels[rows], data.source[rows])

    def by_source(self) -> dict[str, NDArray[np.bool_]]:
        return {source.name: self.sources == source.name for source in self.measured}

    def by_people(self) -> tuple[list[str], list[str]]:
        """Texts, masked, and sets of the rows that people labelled; of all where nobody did."""
        people = {source.name for source in self.measured if not source.distant} or set(self.sources.tolist())
        kept = [
            (mask(text), name) for text, name in zip(self.texts, self.sources.tolist(), strict=True) if name in people
        ]
        return [text for text, _ in kept], [name for _, name in kept]

    def accuracies(self, scores: NDArray[np.float32]) -> dict[str, float]:
        right = scores.argmax(axis=1) == np.searchsorted(np.array(SENTIMENTS), self.labels)
        return {name: float(right[mine].mean()) for name, mine in self.by_source().items()}

    def evidence(self, data: TrainingData, scores: NDArray[np.float32]) -> HeldOut:
        by_emoticons = [source.name for source in self.measured if source.distant]
        return HeldOut.of(self.texts, self.labels, self.sources, data.company[self.rows], scores, by_emoticons)


def _timed_scores(estimator: Any, texts: list[str]) -> tuple[NDArray[np.float32], float]:
    """Probabilities, and the texts scored a second of processor time."""
    estimator.predict_proba(texts[:100])  # machine code is loaded at the first call
    started = time.process_time()
    scores = estimator.predict_proba(texts)
    return scores, len(texts) / max(time.process_time() - started, 1e-6)


def _final_model(
    member: Member,
    data: TrainingData,
    seed: int,
    progress: Progress,
    metrics: Mapping[str, Any],
    evidence: HeldOut,
    split: _Split,
) -> HashedModel:
    """The member trained on everything, with the figures of the one that has not seen the held-out texts."""
    final = member.build(seed)
    fit_on(final, data, data.usable, lambda step: progress(f"on all texts: {step}"))
    metadata = {
        "trained_on": data_summary(data.source[data.usable].tolist()),
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_hash": data.data_hash,
        "metrics": metrics,
        "reference": reference(evidence),
        "unseen_words": unseen_shares(final.model_, *split.by_people()),
        "languages": known_languages(data.sources, metrics),
        "params": final.get_params(),
    }
    return HashedModel(final.model_.weights, metadata)


def known_languages(sources: Sequence[Source], metrics: Mapping[str, Any]) -> list[str]:
    """Languages on whose held-out tweets, labelled by people, the macro-recall is shown to be enough; English first.

    A model whose data are all in other languages does not know English.
    """
    found: dict[str, float] = {}
    for source in sources:
        if source.name in metrics and not source.distant:
            figures = metrics[source.name]
            value = figures["macro_recall"]["value"] if figures["n"] >= FEWEST else 0.0
            found[source.spoken] = max(value, found.get(source.spoken, 0.0))
    return sorted((code for code, value in found.items() if value >= KNOWN_FROM), key=lambda code: (code != "en", code))


def _limited(data: TrainingData, member: Member, most: int | None, seed: int) -> NDArray[np.bool_]:
    """The rows to learn from; `most` as `distant` of `train`."""
    if member.serves:
        data = replace(data, learn=_for_hashed(data, data.learn))
    most = member.most_distant if most is None else most or None
    distant = np.flatnonzero(data.learn & data.distant)
    if most is None or len(distant) <= most:
        return data.learn
    learn = data.learn & ~data.distant
    learn[np.random.default_rng(seed).permutation(distant)[:most]] = True
    return learn


def fit_on(estimator: Any, data: TrainingData, rows: NDArray[np.bool_], progress: Progress) -> float:
    """Let an estimator of `model_zoo` learn from some of the rows; the processor time that it took, seconds."""
    started = time.process_time()
    more: dict[str, Any] = {}
    if isinstance(estimator, HashedClassifier):
        rows = _for_hashed(data, rows)
        more["targets"] = data.targets[rows]  # a teacher's probabilities say more than its label
        if (data.rows_of(lambda source: source.role == "teacher") & rows).any():
            estimator.temperature = TAUGHT_TEMPERATURE
    texts, labels = data.rows(rows)
    estimator.fit(texts, labels, data.weight[rows], distant=data.distant[rows], progress=progress, **more)
    return time.process_time() - started


def _for_hashed(data: TrainingData, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Without the emoticons of what people labelled, too."""
    return rows & (data.by_emoticons_alone | ~data.distant)


def _plain(estimator: Any) -> dict[str, Any]:
    return {
        name: value
        for name, value in estimator.get_params().items()
        if isinstance(value, (str, int, float, bool, tuple))
    }
