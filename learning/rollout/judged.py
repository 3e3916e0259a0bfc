"""The tweets that people have judged since a trial began, and what both models say about them.

Both models answer the text that travels with the judgement, whichever of them was shown: every judged tweet is a pair.
Voluntary feedback is left out of the verdict: people report what they were shown and found wrong, which speaks against
whichever model was shown. It counts for errors in a row alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.events import SENTIMENTS
from contracts.settings import Settings
from contracts.times import to_ms
from learning.labels.log import resolved_labels
from learning.labels.resolution import Resolution, text_key
from learning.rollout.verdict import ALPHA, METRICS, NO_ANSWER, Verdict, counted, verdict
from models.base.asking import Asker, TooLate
from models.base.sentiment import SentimentModel

_MOST: Final = 20_000
"""Judged tweets, the newest, that are looked at."""
_CHUNK: Final = 100
"""Texts that a model is asked about at once: two seconds of the slowest there is."""


class Judged(NamedTuple):
    """A tweet and its label."""

    text: str
    """Masked: to both models the same as the tweet's own."""
    label: int
    """Place in `SENTIMENTS`."""
    at_ms: int
    by_choice: bool
    """Somebody reported it because of what was shown."""
    version: str | None
    """Of the model whose answer was shown."""


@dataclass(frozen=True)
class Look:
    """What the judged tweets say at a moment."""

    verdicts: list[Verdict]
    streak: int
    """The newest in a row that the challenger answered wrongly and the champion has right."""


def judged_since(settings: Settings, since_ms: int) -> list[Judged]:
    """As `of_trial`, of all that is on the topic now.

    Raises:
        Unavailable: Kafka does not answer or has no topic of labels.
    """
    return of_trial(resolved_labels(settings), since_ms)


def of_trial(resolved: Resolution, since_ms: int) -> list[Judged]:
    """The labels that hold, of texts judged since a trial began and never before, the oldest first.

    What somebody had judged before may be what the challenger learnt from: there it would look better than it is.
    """
    known = {text_key(one.text) for one in resolved.judgements if one.text and to_ms(one.created_at) < since_ms}
    found = [
        Judged(
            label.text,
            SENTIMENTS.index(label.label),
            to_ms(label.created_at),
            set(label.sources) == {"feedback"},
            label.model_version,
        )
        for label in resolved.labels
        if to_ms(label.created_at) >= since_ms and text_key(label.text) not in known
    ]
    return sorted(found, key=lambda one: one.at_ms)[-_MOST:]


class Answers:
    """Labels that a model gave, remembered by text: at each look only new texts are asked about.

    Args:
        failed: receives why a text has no answer.
        asker: asks in the caller's place, where the model may hang.
    """

    def __init__(
        self, model: SentimentModel, failed: Callable[[str], None] = lambda _: None, asker: Asker | None = None
    ) -> None:
        self._model = model
        self._failed = failed
        self._asker = asker
        self._known: dict[str, int] = {}

    def of(self, texts: Sequence[str]) -> NDArray[np.int64]:
        """(n,): a place in `SENTIMENTS` for each; `NO_ANSWER` where the model raises.

        Raises:
            TooLate: the asker's patience is at its end.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._known]
        for start in range(0, len(new), _CHUNK):
            self._ask(new[start : start + _CHUNK])
        return np.array([self._known[text] for text in texts], np.int64)

    def _ask(self, texts: list[str]) -> None:
        try:
            found = self._predicted(texts)
            if found.shape != (len(texts), len(SENTIMENTS)):
                raise ValueError(f"an array of shape {found.shape} for {len(texts):,} texts")
            self._known |= zip(texts, found.argmax(axis=1).tolist(), strict=True)
        except (KeyboardInterrupt, SystemExit, TooLate):
            raise
        except BaseException as error:  # whatever a model raises: it has no answer
            if len(texts) == 1:
                self._failed(f"{type(error).__name__}: {error}")
                self._known[texts[0]] = NO_ANSWER
                return
            middle = len(texts) // 2
            self._ask(texts[:middle])
            self._ask(texts[middle:])

    def _predicted(self, texts: list[str]) -> NDArray[np.float32]:
        if self._asker is None:
            return self._model.predict_proba(texts)
        return self._asker.ask(lambda: self._model.predict_proba(texts))


def look(
    judged: Sequence[Judged], champion: Answers, challenger: Answers, *, version: str, since_ms: int, now_ms: int
) -> Look:
    """The verdict on every figure.

    Args:
        judged: the oldest first.
        version: the challenger's.
        since_ms: when the trial began.
    """
    fair = [one for one in judged if not one.by_choice]
    truth = [one.label for one in fair]
    first, second = (answers.of([one.text for one in fair]) for answers in (champion, challenger))
    seconds = max((now_ms - since_ms) / 1000, 1.0)
    verdicts = []
    for metric in METRICS:
        pairs = counted(truth, first, second, metric)
        # Each figure has its part of the false alarms.
        verdicts.append(verdict(pairs, metric, pairs_per_s=pairs.n / seconds, alpha=ALPHA / len(METRICS)))
    return Look(verdicts, _streak([one for one in judged if one.version == version], champion, challenger))


def _streak(shown: Sequence[Judged], champion: Answers, challenger: Answers) -> int:
    texts = [one.text for one in shown]
    number = 0
    for one, first, second in zip(reversed(shown), champion.of(texts)[::-1], challenger.of(texts)[::-1], strict=True):
        if first != one.label or second == one.label:
            break
        number += 1
    return number


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    """For Redis and for people: NaN is null."""
    return [
        {
            "metric": one.metric,
            "outcome": one.outcome,
            "why": one.why,
            "n": one.pairs.n,
            "champion": _number(one.pairs.champion),
            "challenger": _number(one.pairs.challenger),
            "difference": _number(one.difference),
            "low": _number(one.low),
            "high": _number(one.high),
            "evidence": _number(one.evidence),
            "more_pairs": one.more_pairs,
        }
        for one in verdicts
    ]


def _number(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
