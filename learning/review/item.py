"""One text in the review queue."""

from __future__ import annotations

import hashlib
from typing import Final, Literal, get_args

import msgspec

from contracts.events import Prediction, Scores, Sentiment
from contracts.times import to_rfc3339

Reason = Literal["unsure", "disagreement", "unseen_words", "crisis", "random"]
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
_BLIND: Final = 5
"""One in so many is shown without the prediction."""
_TWICE: Final = 10
"""One in so many is asked of two judges, so that their agreement can be measured."""


class ReviewItem(msgspec.Struct, frozen=True, kw_only=True):
    """A prediction that somebody is asked about."""

    id: str
    """The prediction's."""
    tweet_id: str
    text: str
    """Masked."""
    sentiment: Sentiment
    scores: Scores
    model_version: str
    reason: Reason
    note: str
    """The reason in words."""
    priority: float
    """The smallest first; of a text that was drawn by chance it says nothing."""
    queued_at_ms: int
    watches: list[str] = []
    lang: str | None = None
    drawn: float | None = None
    """Drawn by chance: with which probability."""

    @property
    def blind(self) -> bool:
        """Shown without the prediction: by a hash of the id, so that nobody chooses."""
        return _hashed("blind", self.id) % _BLIND == 0

    @property
    def judges(self) -> int:
        """How many are asked."""
        return 2 if _hashed("twice", self.id) % _TWICE == 0 else 1

    def public(self) -> dict[str, object]:
        """As `GET /review` shows it; without what a blind judge must not see."""
        seen = {} if self.blind else {"sentiment": self.sentiment, "scores": msgspec.to_builtins(self.scores)}
        # Of a blind one the reason would give away what the model is torn between.
        note = {} if self.blind else {"reason": self.reason, "note": self.note}
        return {
            "id": self.id,
            "tweet_id": self.tweet_id,
            "text": self.text,
            "lang": self.lang,
            "watches": self.watches,
            "blind": self.blind,
            "sentiment": None,
            "scores": None,
            "reason": None,
            "note": None,
            "queued_at": to_rfc3339(self.queued_at_ms),
            "model_version": self.model_version,
            **seen,
            **note,
        }


def margin(scores: Scores) -> float:
    """Between the two best labels: the smaller, the less sure (breaking ties, Schröder 2022, arXiv:2107.05687)."""
    best = sorted((scores.negative, scores.neutral, scores.positive))
    return best[-1] - best[-2]


def item_of(
    prediction: Prediction,
    text: str,
    reason: Reason,
    note: str,
    *,
    priority: float,
    now_ms: int,
    drawn: float | None = None,
) -> ReviewItem:
    """An item of a scored tweet.

    Args:
        text: masked.
    """
    return ReviewItem(
        id=prediction.prediction_id,
        tweet_id=prediction.tweet_id,
        text=text,
        sentiment=prediction.sentiment,
        scores=prediction.scores,
        model_version=prediction.model.version,
        reason=reason,
        note=note,
        priority=priority,
        queued_at_ms=now_ms,
        watches=prediction.watches,
        lang=prediction.lang,
        drawn=drawn,
    )


def _hashed(what: str, text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(f"{what}/{text}".encode(errors="surrogatepass"), digest_size=8).digest(), "big"
    )
