"""The new model against the champion, on the same texts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from learning.labels.agreement import cohens_kappa
from learning.retraining.base_model import BaseModel
from learning.retraining.corpus import Corpus
from models.text.masking import mask
from training.data.topics import topics
from training.evaluation.held_out import DRAWN_ANEW, MOST_ROWS, HeldOut, keys_of
from training.evaluation.metrics import held_out_report
from training.registry.promotion_gate import Comparison, GateRefused, compare

_CHUNK: Final = 5000
_EXAMPLES: Final = 5
_OVERLAP: Final = 0.8


class WrongAbout(NamedTuple):
    """A topic of misjudged texts, and how many of them each model gets wrong."""

    words: list[str]
    champion: int
    new: int


@dataclass(frozen=True)
class Outcome:
    """What the measurement found."""

    metrics: dict[str, Any]
    """Set → `held_out_report` of the new model."""
    comparisons: list[Comparison]
    evidence: HeldOut
    """Of the new model."""
    champions: HeldOut
    """The champion's on the same rows."""
    champion_may_have_seen: list[str]
    """Sets on which the champion carries no measurement of its own: it may have learnt from them."""
    right_now: list[tuple[str, str, str]]
    """Masked texts that only the new model gets right: text, label, what the champion says."""
    wrong_now: list[tuple[str, str, str]]
    """Those that only the champion gets right: text, label, what the new model says."""
    kappa: float | None
    """Agreement of the two on the labelled texts."""
    wrong_about: list[WrongAbout]
    """Topics of the labelled texts that at least one of them gets wrong."""

    @property
    def worse(self) -> list[Comparison]:
        """Where the new model is shown to be worse."""
        return [one for one in self.comparisons if one.worse]


def measure_both(corpus: Corpus, scores: NDArray[np.float32], base: BaseModel) -> Outcome:
    """Compare on all held-out rows.

    Args:
        scores: (held-out rows, 3) of the new model, which has not learnt from them.
    """
    rows = np.flatnonzero(corpus.held_out)
    texts = [corpus.texts[row] for row in rows.tolist()]
    labels, source, company = corpus.labels[rows], corpus.source[rows], corpus.company[rows]
    theirs, seen = _of_champion(texts, source, base)
    mine = HeldOut.of(texts, labels, source, company, scores)
    held = HeldOut.of(texts, labels, source, company, theirs)
    names = list(dict.fromkeys(source.tolist()))
    try:
        comparisons = compare(held, mine)
    except GateRefused:  # both are of the same rows
        comparisons = []
    truth = np.searchsorted(np.array(SENTIMENTS), labels)
    ours, before = scores.argmax(axis=1), theirs.argmax(axis=1)
    judged = np.isin(source, DRAWN_ANEW)
    return Outcome(
        metrics={name: held_out_report(scores[source == name], labels[source == name]) for name in names},
        comparisons=comparisons,
        evidence=mine,
        champions=held,
        champion_may_have_seen=seen,
        right_now=_examples(texts, labels, before, judged & (ours == truth) & (before != truth)),
        wrong_now=_examples(texts, labels, ours, judged & (ours != truth) & (before == truth)),
        wrong_about=_topics(texts, judged & ((ours != truth) | (before != truth)), before != truth, ours != truth),
        kappa=cohens_kappa(ours[judged].tolist(), before[judged].tolist()) if judged.any() else None,
    )


def _of_champion(
    texts: Sequence[str], source: NDArray[np.str_], base: BaseModel
) -> tuple[NDArray[np.float64], list[str]]:
    """(n, 3) of the champion: what it carries where it carries these texts, else asked now."""
    parts = [base.model.predict_proba(texts[at : at + _CHUNK]) for at in range(0, len(texts), _CHUNK)]
    scores = np.concatenate(parts).astype(np.float64)
    seen: list[str] = []
    for name in dict.fromkeys(source.tolist()):
        if name in DRAWN_ANEW:
            continue  # no champion ever learns from these
        mine = np.flatnonzero(source == name)
        carried = base.held_out
        if carried is not None and (carried.source == name).any():
            theirs = np.flatnonzero(carried.source == name)
            keys = keys_of(name, [texts[i] for i in mine.tolist()])
            _, ours, among = np.intersect1d(keys, carried.keys[theirs], return_indices=True)
            if len(ours) >= _OVERLAP * min(len(keys), MOST_ROWS):
                scores[mine[ours]] = carried.scores[theirs[among]]
                continue
        seen.append(name)
    return scores, seen


def _topics(
    texts: Sequence[str], either: NDArray[np.bool_], champion: NDArray[np.bool_], new: NDArray[np.bool_]
) -> list[WrongAbout]:
    rows = np.flatnonzero(either)
    found = topics([mask(texts[row]) for row in rows.tolist()], [()] * len(rows))
    return [
        WrongAbout(one.words, int(champion[rows[one.texts]].sum()), int(new[rows[one.texts]].sum())) for one in found
    ]


def _examples(
    texts: Sequence[str], labels: NDArray[np.str_], predicted: NDArray[np.intp], chosen: NDArray[np.bool_]
) -> list[tuple[str, str, str]]:
    return [
        (mask(texts[row]), str(labels[row]), SENTIMENTS[int(predicted[row])])
        for row in np.flatnonzero(chosen)[:_EXAMPLES].tolist()
    ]
