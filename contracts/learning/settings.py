"""Settings of the learning loop."""

from __future__ import annotations

from pathlib import Path

import pydantic

from contracts.backing_services import Group, Seconds


class LearningSettings(Group):
    """Labels, review and retraining."""

    text_memory_s: Seconds = 7 * 86_400
    """How long the masked text of a prediction on request, or of one that was shown, is remembered in Redis, so that a
    judgement finds it. Seconds."""
    text_memory: int = pydantic.Field(default=50_000, ge=0)
    """Most predictions whose text is remembered; the oldest are forgotten first. 0: none."""
    snapshots: Path | None = None
    """Where snapshots of the labels are kept; by default `snapshots/` in the data folder."""
    judge_daily_cap: int = pydantic.Field(default=1000, ge=1)
    """Most judgements of one judge that count on one day (UTC), imported ones apart; further ones are kept and
    reported."""
    retrain_after: int = pydantic.Field(default=2000, ge=1)
    """New labels from which `buzzwatch retrain --check` says that a retraining is due."""
    retrain_every_days: int = pydantic.Field(default=30, ge=1)
    """Days after the newest label that was learnt from at which it is due all the same, with 100 new ones."""
    old_share: float = pydantic.Field(default=0.8, ge=0.5, lt=1)
    """Least share of the old data in a retraining, by weight; a label counts at most five times a row of those."""
    half_life_days: Seconds = 90
    """Age at which a label counts half in a retraining, days."""
    review_queue: int = pydantic.Field(default=1000, ge=0)
    """Most texts that wait for review, a tenth of them drawn by chance; 0: no queue."""
    review_keep_s: Seconds = 3 * 86_400
    """How long a text waits for review before it is given up, seconds."""
    random_interval_s: Seconds = 600
    """How often each worker that counts draws one tweet by chance for review, seconds; sooner after its start."""
