"""Which tweets of a frame are shown: those that say most. Nobody reads thousands a second."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

from alerts.explanation.trending_terms import similarity
from contracts.events import Prediction

MOST: Final = 20
"""Tweets in a frame."""
_CANDIDATES: Final = 60
_SAME: Final = 0.6
"""Two texts with this much of their words in common say the same."""
_REMEMBERED: Final = 100
_LONGEST: Final = 500
"""Characters of a text that are shown in the feed; the whole one is behind its link."""


class Picker:
    """Chooses from what came since the last frame: negative, sure, distinct, and of every watch some."""

    def __init__(self) -> None:
        self._shown: deque[str] = deque(maxlen=_REMEMBERED)

    def pick(self, came: Sequence[Prediction]) -> list[Prediction]:
        """At most MOST of them, the one that says most first. All of them where they are so few."""
        if len(came) <= MOST:
            chosen = list(came)
        else:
            chosen = []
            for prediction in islice(_in_turns(sorted(came, key=_rank, reverse=True)), _CANDIDATES):
                text = prediction.text or ""
                recent = [*list(self._shown)[-MOST:], *(one.text or "" for one in chosen)]
                if all(text != other and similarity(text, other) < _SAME for other in recent):
                    chosen.append(prediction)
                if len(chosen) == MOST:
                    break
        self._shown.extend(one.text or "" for one in chosen)
        return chosen


def _rank(prediction: Prediction) -> tuple[bool, bool, float]:
    """How much a tweet says: about a watch and negative first, then how sure the model is."""
    return prediction.sentiment == "negative" and prediction.reliable, bool(prediction.watches), prediction.confidence


def _in_turns(ranked: Iterable[Prediction]) -> Iterable[Prediction]:
    """Each watch in its turn, so that a storm about one does not hide the others."""
    queues: dict[str, deque[Prediction]] = {}
    for prediction in ranked:
        queues.setdefault(prediction.watches[0] if prediction.watches else "", deque()).append(prediction)
    while queues:
        for watch in list(queues):
            yield queues[watch].popleft()
            if not queues[watch]:
                del queues[watch]


def row_of(prediction: Prediction) -> dict[str, Any]:
    """As it is sent: short names, as it goes to every reader four times a second."""
    text = prediction.text or ""
    return {
        "id": prediction.prediction_id,
        "tweet": prediction.tweet_id,
        "text": text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…",
        "s": prediction.sentiment,
        "c": round(prediction.confidence, 3),
        "w": prediction.watches,
        "th": prediction.themes,
        "at": prediction.created_at,
        "scored": prediction.scored_at,
        "v": prediction.model.version,
        "lang": prediction.lang or "",
        "ok": prediction.reliable,
    }
