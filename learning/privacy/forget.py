"""A request to be forgotten, from the topics to the files."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import redis

from contracts.settings import Settings
from learning.privacy.in_files import erase_from_snapshots, erase_retrainings, quotes
from learning.privacy.in_redis import RedisEraser
from learning.privacy.scan import find_records
from learning.privacy.subject import Subject
from learning.privacy.topics import TopicEraser, TopicResult


@dataclass
class Forgotten:
    """What was found, what was done, and what is left."""

    id: str
    """Of the request: in the audit event, and in the erasures on `labels`."""
    dry_run: bool = False
    tweets: int = 0
    predictions: int = 0
    topics: list[TopicResult] = field(default_factory=list)
    redis: dict[str, int] = field(default_factory=dict)
    snapshots: int = 0
    retrainings: int = 0
    left: list[str] = field(default_factory=list)
    """What is still there and should not be, one line each."""

    @property
    def until(self) -> datetime | None:
        """When the retention of topics takes the last record."""
        return max((one.until for one in self.topics if one.until is not None), default=None)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "request": self.id,
            "dry_run": self.dry_run,
            "tweets": self.tweets,
            "predictions": self.predictions,
            "topics": [
                {
                    "topic": one.topic,
                    "found": one.found,
                    "how": one.how,
                    "until": one.until and one.until.isoformat(timespec="seconds"),
                }
                for one in self.topics
            ],
            "redis": self.redis,
            "snapshots": self.snapshots,
            "retrainings": self.retrainings,
            "left": self.left,
        }


def forget(
    settings: Settings,
    client: redis.Redis,
    subject: Subject,
    *,
    cut: bool = False,
    dry_run: bool = False,
    request: str | None = None,
    progress: Callable[[str], object] = lambda _: None,
) -> Forgotten:
    """Find everything about `subject` and erase it.

    Safe to run again: what is gone is not found any more.

    Args:
        cut: delete topics up to the subject's last record where nothing else reaches it.
        dry_run: only find.
        request: its id; a random one when none is given.

    Raises:
        Unavailable: Kafka does not answer. redis.RedisError: Redis does not.
    """
    done = Forgotten(request or uuid.uuid4().hex[:12], dry_run)
    traces = find_records(settings, subject, progress)
    in_redis = RedisEraser(client, settings)
    in_redis.find(subject)
    done.tweets, done.predictions = len(subject.tweet_ids), len(subject.prediction_ids)
    eraser = TopicEraser(settings)
    if dry_run:
        done.topics = [eraser.planned(trace) for trace in traces]
        done.left = [f"Redis: {key}" for key in in_redis.leftovers(subject)]
        return done
    if subject.tweet_ids or subject.prediction_ids:
        progress("writing erasures")
        eraser.keep_away(subject, f"privacy request {done.id}")
    progress("erasing from Redis")
    done.redis = in_redis.erase(subject)
    for trace in traces:
        progress(f"erasing from {trace.topic}")
        done.topics.append(eraser.erase(trace, subject, cut=cut))
    progress("erasing from files")
    done.snapshots, problems = erase_from_snapshots(settings.snapshots, subject)
    done.left += problems
    done.retrainings, problems = erase_retrainings(settings.local.data_dir / "retraining", subject)
    done.left += problems
    done.left += [f"{path}: quotes a text" for path in quotes(settings.champion_cache, subject)]
    in_redis.erase(subject)  # what a worker had in hand meanwhile
    done.left += [f"Redis: {key}" for key in in_redis.leftovers(subject)]
    if not in_redis.rewrite_log():
        done.left.append("Redis may not write its append-only file anew (BGREWRITEAOF): have it done")
    return done


def late(until: datetime | None) -> bool:
    """Whether a moment is still to come."""
    return until is not None and until > datetime.now(UTC)
