"""Feedback becomes label events, in the worker's judge role, before its mark moves.

A crash makes the same events again: their ids are made of the feedback ids, so that each counts once.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime

from contracts.events import MAX_TEXT, Feedback, Scores
from contracts.learning.labels import LabelEvent, judge_hash, label_id_of
from learning.labels.log import LabelWriter
from learning.labels.texts import PredictionTexts, Remembered
from learning.metrics import LABELS
from models.text.masking import mask


class LabelsFromFeedback:
    """Writes a label event for each judgement of a batch.

    Args:
        secret: under which names of judges are hashed.
    """

    def __init__(self, writer: LabelWriter, texts: PredictionTexts, secret: str) -> None:
        self._writer = writer
        self._texts = texts
        self._secret = secret

    def __call__(self, judged: Sequence[tuple[int, Feedback]]) -> None:
        """Returns when they are safe.

        Args:
            judged: when each judgement was received, milliseconds since 1970, and itself.

        Raises:
            Unavailable: Kafka has not acknowledged them. redis.RedisError: Redis does not answer.
        """
        known = self._texts.find([str(feedback.prediction_id) for _, feedback in judged])
        events = [
            label_of(feedback, received_ms, known.get(str(feedback.prediction_id)), self._secret)
            for received_ms, feedback in judged
        ]
        self._writer.write(events)
        for event in events:
            LABELS.labels("no" if event.text is None else "yes").inc()


def label_of(feedback: Feedback, received_ms: int, known: Remembered | None, secret: str) -> LabelEvent:
    """The label event of a judgement.

    Args:
        known: what is remembered of the prediction. Its text counts before one that came with the judgement, which
            anybody may have written.
    """
    label = feedback.predicted if feedback.correct else feedback.expected
    text = mask(feedback.text)[:MAX_TEXT] if feedback.text and feedback.text.strip() else None
    scores: Scores | None = None
    if known is not None:
        text, scores = known.text, known.scores
    return LabelEvent(
        label_id=label_id_of(f"feedback/{feedback.feedback_id}"),
        kind="judgement",
        created_at=datetime.fromtimestamp(received_ms / 1000, UTC),
        tweet_id=feedback.tweet_id or (known.tweet_id if known else None) or None,
        prediction_id=uuid.UUID(str(feedback.prediction_id)),
        label=label,
        rejected=None if label is not None else feedback.predicted,
        text=text,
        scores=scores,
        model_version=feedback.model_version,
        judge=judge_hash(feedback.author, secret) if feedback.author else None,
        source="feedback",
        blind=False,
        watches=[feedback.watch] if feedback.watch else [],
    )
