"""The judge of a recipe: every file with people's labels, held out in part and left out as a whole.

A part of a file that was held out shows how the model does on more of the same. A file that was left out shows how it
does on what it has never seen the like of, another year of a file how it does later. Labels by emoticons judge nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from training.data.datasets import TrainingData
from training.evaluation.behaviour import pass_rates
from training.evaluation.metrics import held_out_report
from training.evaluation.suite import PART, WHOLE, Judged, Suite, SuiteError
from training.linear.hashed_classifier import HashedClassifier
from training.linear.model_zoo import Member

FEWEST: Final = 200
"""Rows of a year that is left out."""

Progress = Callable[[str], None]


def run_suite(
    data: TrainingData, member: Member, seed: int, progress: Progress, only: Sequence[str] = (), *, years: bool = True
) -> Suite:
    """Train without each of the sets, and measure on it.

    Near-duplicates of what is measured on are learnt from in no file. The hashed model's polarity is learnt once.

    Args:
        only: names of files to be left out; all of those labelled by people when empty.
        years: also leave out each year of a file that has years.

    Raises:
        SuiteError: `only` names a file that there is not.
    """
    people = [source.name for source in data.sources if source.role == "people"]
    if unknown := sorted(set(only) - set(people)):
        raise SuiteError(f"no file labelled by people is called {unknown[0]} (there are {', '.join(people)})")
    trainer = _Trainer(data, member, seed, progress)
    rows: list[Judged] = []
    estimator = trainer.fit(data.learn, "on the learning split")
    for source in data.sources:
        test = data.held_out & (data.source == source.name)
        if source.role in ("people", "test") and test.any():
            rows.append(trainer.judged(estimator, source.name, PART, test, data.learn))
    behaviour = pass_rates(estimator)
    for name, without, test in _left_out(data, only or people, years=years):
        learn = data.apart_from(test)
        if not (learn & data.by_people).any():
            continue  # the only file with labels by people
        rows.append(trainer.judged(trainer.fit(learn, f"without {name}, {without}"), name, without, test, learn))
    return Suite(member.name, rows, behaviour, data.data_hash, trainer.params)


def _left_out(data: TrainingData, names: Sequence[str], *, years: bool) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    for name in names:
        mine = data.source == name
        yield name, WHOLE, mine
        found = np.unique(data.period[mine & (data.period > 0)]).tolist() if years else []
        for year in found if len(found) > 1 else []:
            test = mine & (data.period == year)
            if test.sum() >= FEWEST:
                yield name, f"year {year}", test


class _Trainer:
    """Fits one member again and again on parts of the same data."""

    def __init__(self, data: TrainingData, member: Member, seed: int, progress: Progress) -> None:
        self._data, self._member, self._seed, self._progress = data, member, seed, progress
        self._polarity: Any = None
        estimator = member.build(seed)
        plain = (str, int, float, bool)
        self.params = {name: value for name, value in estimator.get_params().items() if isinstance(value, plain)}
        if isinstance(estimator, HashedClassifier):
            rows = data.by_emoticons_alone
            texts, labels = data.rows(rows)
            self._polarity = estimator.learn_polarity(texts, labels, data.weight[rows], progress)

    def fit(self, learn: NDArray[np.bool_], what: str) -> Any:
        """An estimator that has learnt from these rows."""
        data, estimator = self._data, self._member.build(self._seed)
        more = {}
        if self._polarity is not None:
            learn = learn & ~data.distant
            more = {"polarity": self._polarity, "targets": data.targets[learn]}
        elif self._member.most_distant is not None:
            distant = np.flatnonzero(learn & data.distant)
            kept = np.random.default_rng(self._seed).permutation(distant)[: self._member.most_distant]
            learn = learn & ~data.distant
            learn[kept] = True
        texts, labels = data.rows(learn)
        step = lambda line: self._progress(f"{what}: {line}")  # noqa: E731
        return estimator.fit(texts, labels, data.weight[learn], distant=data.distant[learn], progress=step, **more)

    def judged(
        self, estimator: Any, name: str, without: str, test: NDArray[np.bool_], learn: NDArray[np.bool_]
    ) -> Judged:
        """Its predictions for these rows."""
        texts, labels = self._data.rows(test)
        report = held_out_report(estimator.predict_proba(texts), labels)
        return Judged(name, without, int((learn & self._data.by_people).sum()), report)
