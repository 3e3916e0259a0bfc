"""What is on the topic, counted: for `buzzwatch labels stats` and the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from contracts.events import SENTIMENTS
from contracts.learning.labels import LabelEvent
from contracts.times import to_ms, to_rfc3339
from learning.labels.resolution import Resolution


class JudgeStats(NamedTuple):
    """One judge."""

    judge: str
    """16 hexadecimal digits; empty: nobody signed."""
    judgements: int
    reliability: float | None
    """Share of right labels by those who judged the same texts; None where nobody did."""
    newest: str
    quarantined: str | None
    """Why the labels do not count."""


class Agreement(NamedTuple):
    """Judgements of texts that we chose which confirm the model's answer at the time."""

    same: int
    judged: int


@dataclass(frozen=True)
class LabelStats:
    """All of them."""

    judgements: int
    """Neither retracted nor erased."""
    labels: dict[str, int]
    """Label → texts that have it."""
    sources: dict[str, int]
    """Source → judgements."""
    judges: list[JudgeStats]
    blind: Agreement
    shown: Agreement
    """Judges who saw the prediction: when they agree with it more than blind ones, showing it sways them."""
    resolution: Resolution
    unreadable: int

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        found = self.resolution
        return {
            "judgements": self.judgements,
            "texts_with_a_label": sum(self.labels.values()),
            "labels": self.labels,
            "sources": self.sources,
            "texts_in_conflict": found.conflicts,
            "without_text": found.without_text,
            "without_label": found.without_label,
            "replaced_by_the_same_judge": found.replaced,
            "over_the_daily_cap": found.capped,
            "retracted": found.retracted,
            "erased": found.erased,
            "duplicates": found.duplicates,
            "quarantined": found.quarantined_judgements,
            "unreadable": self.unreadable,
            "judged_by_several": found.judged_together,
            "cohens_kappa": found.kappa,
            "krippendorffs_alpha": found.alpha,
            "agreement_with_the_model": {"blind": self.blind._asdict(), "shown": self.shown._asdict()},
            "judges": [judge._asdict() for judge in self.judges],
        }


def label_stats(found: Resolution, unreadable: int = 0) -> LabelStats:
    """Count what holds and what does not."""
    by_judge = Counter(event.judge or "" for event in found.judgements)
    newest: dict[str, datetime] = {}
    for event in found.judgements:
        newest[event.judge or ""] = max(event.created_at, newest.get(event.judge or "", event.created_at))
    judges = [
        JudgeStats(
            judge,
            count,
            found.reliability.get(judge),
            to_rfc3339(to_ms(newest[judge])),
            found.quarantined[judge].reason if judge in found.quarantined else None,
        )
        for judge, count in by_judge.most_common()
    ]
    counts = Counter(label.label for label in found.labels)
    asked = [event for event in found.judgements if event.source in ("review", "random")]
    return LabelStats(
        judgements=len(found.judgements),
        labels={name: counts[name] for name in SENTIMENTS},
        sources=dict(Counter(event.source or "" for event in found.judgements).most_common()),
        judges=judges,
        blind=_agreement([event for event in asked if event.blind]),
        shown=_agreement([event for event in asked if not event.blind]),
        resolution=found,
        unreadable=unreadable,
    )


def _agreement(events: Sequence[LabelEvent]) -> Agreement:
    scored = [event for event in events if event.scores is not None and event.label is not None]
    same = sum(event.label == predicted(event) for event in scored)
    return Agreement(same, len(scored))


def predicted(event: LabelEvent) -> str | None:
    """What the model said at the time; None where that is not known."""
    if event.scores is None:
        return None
    scores = (event.scores.negative, event.scores.neutral, event.scores.positive)
    return SENTIMENTS[scores.index(max(scores))]
