"""Label events for tests."""

from __future__ import annotations

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.learning.labels import LabelEvent, judge_hash

DAY = datetime(2026, 11, 20, 10, tzinfo=UTC)
_numbers = itertools.count(1)


def says(judge: str | None, label: str | None, text: str | None = "my bag is lost", **more: Any) -> LabelEvent:
    """A judgement; a minute after the one before it."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "label_id": uuid.UUID(int=number),
        "kind": "judgement",
        "created_at": DAY + timedelta(seconds=number),
        "tweet_id": text or f"t{number}",
        "label": label,
        "text": text,
        "source": "review",
        "judge": judge and judge_hash(judge, ""),
    }
    return LabelEvent(**(given | more))


def retracts(judge: str, since: datetime | None = None) -> LabelEvent:
    """All that a judge said before."""
    return says(judge, None, kind="retraction", source=None, tweet_id=None, text=None, since=since)


def erases(**named: Any) -> LabelEvent:
    """Of a tweet or a prediction."""
    return says(None, None, None, kind="erasure", source=None, **({"tweet_id": None} | named))
