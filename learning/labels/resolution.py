"""What holds of all that was said: the rules by which label events become labels to train on.

In this order, over the events in the order of their topic:

1. Two events with one `label_id` are one.
2. A retraction takes back what stands before it: one judgement, or those of a judge (received since a time). What
   the judge says afterwards counts.
3. An erasure removes all that was ever said about its tweet or prediction, before and after.
4. A judgement without a text has that of any other event about the same tweet or prediction.
5. Of one judge about one text the newest counts: people correct themselves.
6. Of one judge on one day (UTC) the first `judge_daily_cap` count; imported ones have no cap.
7. Judges whose labels are improbable far more often than the others' are left out (`learning.labels.quarantine`).
8. What is left of a text is one vote for each judge, weighted by reliability (Dawid and Skene). A label
   needs a probability of `SURE`; else the text is in conflict and no label.

Texts are the same when their masked forms are, but for case and white space.
"""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from contracts.events import SENTIMENTS, Sentiment
from contracts.learning.labels import UNSIGNED, LabelEvent
from contracts.learning.settings import LearningSettings
from learning.labels.agreement import Consensus, cohens_kappa, dawid_skene, krippendorffs_alpha
from learning.labels.quarantine import Suspicion, improbable, suspects

SURE: Final = 0.6
"""Probability from which a text has a label: two judges of equal reliability who differ are at one half."""
_CODES: Final[dict[str, int]] = {name: code for code, name in enumerate(SENTIMENTS)}
_NOBODY: Final = ""
"""The judge of what nobody signed."""


@dataclass(frozen=True)
class Label:
    """What holds of one text."""

    text: str
    label: Sentiment
    probability: float
    """By the judges' reliability."""
    judges: int
    sources: tuple[str, ...]
    created_at: datetime
    """Of the newest judgement."""
    tweet_id: str | None
    prediction_id: str | None
    model_version: str | None
    scores: tuple[float, float, float] | None
    """Of the model at the time, in the order of SENTIMENTS."""
    watches: tuple[str, ...] = ()
    """That the tweet is about, where a judgement says so. For reports: not in snapshots, nothing learns from them."""

    @property
    def random(self) -> bool:
        """Drawn by chance."""
        return "random" in self.sources


@dataclass
class Resolution:
    """All that was worked out."""

    labels: list[Label] = field(default_factory=list)
    """In the order of their texts' hashes, so that the same events give the same list."""
    judgements: list[LabelEvent] = field(default_factory=list)
    """Those that stand after rules 1 to 3, texts found."""
    duplicates: int = 0
    retracted: int = 0
    erased: int = 0
    replaced: int = 0
    """Judges who changed their mind."""
    capped: int = 0
    conflicts: int = 0
    """Texts."""
    without_text: int = 0
    """Judgements."""
    without_label: int = 0
    """Judgements that only say what it is not."""
    quarantined: dict[str, Suspicion] = field(default_factory=dict)
    quarantined_judgements: int = 0
    reliability: dict[str, float] = field(default_factory=dict)
    """Judge → share of right labels, of those who judged texts that others judged, too."""
    kappa: float | None = None
    """Cohen's of two judges."""
    alpha: float | None = None
    """Krippendorff's of more."""
    judged_together: int = 0
    """Texts with more than one judge."""


def resolve(events: Iterable[LabelEvent], settings: LearningSettings) -> Resolution:
    """Work out what holds."""
    found = Resolution()
    standing = _with_texts(_standing(events, found))
    found.judgements = standing
    votes: list[LabelEvent] = []
    for event in standing:
        if event.label is None:
            found.without_label += 1
        elif not event.text:
            found.without_text += 1
        else:
            votes.append(event)
    votes = _capped(_latest(votes, found), found, settings)
    votes = _without_suspects(votes, found)
    _vote(votes, found)
    return found


def text_key(text: str) -> str:
    """The same for texts that are the same."""
    return hashlib.sha256(" ".join(text.casefold().split()).encode(errors="surrogatepass")).hexdigest()


def _standing(events: Iterable[LabelEvent], found: Resolution) -> list[LabelEvent]:
    """The judgements that were neither retracted nor erased."""
    seen: set[uuid.UUID] = set()
    judgements: dict[uuid.UUID, LabelEvent] = {}
    erased: set[str] = set()
    for event in events:
        if event.label_id in seen:
            found.duplicates += 1
            continue
        seen.add(event.label_id)
        if event.kind == "judgement":
            judgements[event.label_id] = event
        elif event.kind == "erasure":
            erased |= _names(event)
        else:
            gone = (
                [event.retracts]  # not looked for: thousands may take back one each of thousands
                if event.retracts is not None
                else [one.label_id for one in judgements.values() if _retracts(event, one)]
            )
            for name in gone:
                found.retracted += judgements.pop(name, None) is not None
    # A tweet and its predictions are one: who erases one of the names erases what was said under the other.
    for event in judgements.values():
        if not erased.isdisjoint(names := _names(event)):
            erased |= names
    kept = [event for event in judgements.values() if erased.isdisjoint(_names(event))]
    found.erased = len(judgements) - len(kept)
    return kept


def _names(event: LabelEvent) -> set[str]:
    return {f"{kind}:{name}" for kind, name in (("t", event.tweet_id), ("p", event.prediction_id)) if name is not None}


def _retracts(event: LabelEvent, judgement: LabelEvent) -> bool:
    return (judgement.judge or UNSIGNED) == event.judge and (event.since is None or judgement.created_at >= event.since)


def _with_texts(events: Sequence[LabelEvent]) -> list[LabelEvent]:
    texts = {name: event.text for event in events if event.text for name in _names(event)}
    found = []
    for event in events:
        names = [name for name in sorted(_names(event)) if name in texts]
        found.append(replace(event, text=texts[names[0]]) if names and not event.text else event)
    return found


def _latest(votes: Sequence[LabelEvent], found: Resolution) -> list[LabelEvent]:
    """Of one judge about one text the newest. What nobody signed may be of many people: each counts."""
    latest: dict[tuple[str, str], LabelEvent] = {}
    for event in votes:
        who = event.judge or str(event.label_id)
        latest[who, text_key(event.text or "")] = event
    found.replaced = len(votes) - len(latest)
    return list(latest.values())


def _capped(votes: Sequence[LabelEvent], found: Resolution, settings: LearningSettings) -> list[LabelEvent]:
    days: Counter[tuple[str, int]] = Counter()
    kept = []
    for event in sorted(votes, key=lambda one: (one.created_at, one.label_id)):
        if event.source != "import":
            day = (event.judge or _NOBODY, event.created_at.astimezone(UTC).toordinal())
            days[day] += 1
            if days[day] > settings.judge_daily_cap:
                found.capped += 1
                continue
        kept.append(event)
    return kept


def _scores(event: LabelEvent) -> tuple[float, float, float] | None:
    scores = event.scores
    return None if scores is None else (scores.negative, scores.neutral, scores.positive)


def _without_suspects(votes: list[LabelEvent], found: Resolution) -> list[LabelEvent]:
    if not votes:
        return votes
    names = sorted({event.judge or _NOBODY for event in votes})
    judges = np.array([names.index(event.judge or _NOBODY) for event in votes])
    codes = np.array([_CODES[event.label or ""] for event in votes])
    scores = np.array([_scores(event) or (1 / 3, 1 / 3, 1 / 3) for event in votes])
    asked = np.array([event.source != "feedback" for event in votes])
    flags = improbable([event.text or "" for event in votes], codes, judges, scores, asked=asked)
    found.quarantined = {names[judge]: why for judge, why in suspects(judges, flags, asked).items()}
    kept = [event for event in votes if (event.judge or _NOBODY) not in found.quarantined]
    found.quarantined_judgements = len(votes) - len(kept)
    return kept


def _vote(votes: Sequence[LabelEvent], found: Resolution) -> None:
    if not votes:
        return
    by_text: defaultdict[str, list[LabelEvent]] = defaultdict(list)
    for event in votes:
        by_text[text_key(event.text or "")].append(event)
    keys, names = sorted(by_text), sorted({event.judge or _NOBODY for event in votes})
    place = {name: number for number, name in enumerate(names)}
    rows = [(item, event) for item, key in enumerate(keys) for event in by_text[key]]
    items = np.array([item for item, _ in rows])
    judges = np.array([place[event.judge or _NOBODY] for _, event in rows])
    codes = np.array([_CODES[event.label or ""] for _, event in rows])
    consensus = dawid_skene(items, judges, codes)
    _agreement(found, items, judges, codes, consensus, names)
    for item, key in enumerate(keys):
        code = int(consensus.probabilities[item].argmax())
        judged = by_text[key]
        if consensus.probabilities[item, code] < SURE:
            found.conflicts += 1
            continue
        newest = max(judged, key=lambda one: (one.created_at, one.label_id))
        found.labels.append(
            Label(
                text=newest.text or "",
                label=SENTIMENTS[code],
                probability=float(consensus.probabilities[item, code]),
                judges=len({event.judge or str(event.label_id) for event in judged}),
                sources=tuple(sorted({event.source or "" for event in judged})),
                created_at=newest.created_at,
                tweet_id=newest.tweet_id,
                prediction_id=None if newest.prediction_id is None else str(newest.prediction_id),
                model_version=newest.model_version,
                scores=_scores(newest),
                watches=tuple(sorted({watch for event in judged for watch in event.watches})),
            )
        )


def _agreement(
    found: Resolution,
    items: NDArray[np.intp],
    judges: NDArray[np.intp],
    codes: NDArray[np.intp],
    consensus: Consensus,
    names: Sequence[str],
) -> None:
    together = np.bincount(items)[items] > 1
    found.judged_together = len(np.unique(items[together]))
    met = np.unique(judges[together]).tolist()
    found.reliability = {names[judge]: float(consensus.reliability[judge]) for judge in met}
    if len(met) == 2:
        first, second = (dict(zip(items[m], codes[m], strict=True)) for m in (judges == met[0], judges == met[1]))
        both = sorted(first.keys() & second.keys())
        found.kappa = cohens_kappa([first[item] for item in both], [second[item] for item in both])
    elif len(met) > 2:
        found.alpha = krippendorffs_alpha(items.tolist(), codes.tolist())
