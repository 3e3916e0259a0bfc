"""The register of what is stored where, and for how long: worked out from the settings and constants that decide it."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from alerts.counters.store import SAMPLES
from contracts.settings import Settings
from contracts.topics import FOR_EVER
from learning.review.queue import kept_out_s

FOREVER = "without limit"


@dataclass(frozen=True)
class Holding:
    """One kind of data in one place."""

    what: str
    where: str
    holds: str
    """Which personal data."""
    kept: str
    """For how long, as the settings say."""
    most: str
    """What bounds it besides."""
    setting: str
    """Which setting decides; empty: none does."""
    forget: str
    """What `buzzwatch privacy forget` does about it."""

    def as_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)


def span(seconds: float) -> str:
    """`7 days`, `12 hours`, `90 seconds`: in the largest unit that leaves no rest."""
    for unit, size in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            number = int(seconds // size)
            return f"{number:,} {unit}{'s' * (number != 1)}"
    return f"{seconds:,g} second{'s' * (seconds != 1)}"


def holdings(settings: Settings) -> list[Holding]:
    """All places where something about people may be."""
    redis = (*_texts_in_redis(settings), *_numbers_in_redis(settings))
    return [*_streams(settings), *_records(settings), *redis, *_files(settings)]


def _streams(settings: Settings) -> list[Holding]:
    topics = settings.kafka.topics
    kept = {topic.name: span(topic.retention_ms / 1000) for topic in topics.all() if topic.retention_ms != FOR_EVER}
    hours, dead = "BUZZWATCH_KAFKA__TOPICS__RETENTION_HOURS", "BUZZWATCH_KAFKA__TOPICS__DEAD_LETTER_RETENTION_HOURS"
    text = {"masked": "masked text", "raw": "text as it came", "none": "no text"}[settings.worker.text]
    by_time = "the broker's retention; `--cut-topics` at once"
    return [
        Holding(
            "tweets as they came", f"topic `{topics.tweets}`", "text, author id, tweet id", kept[topics.tweets],
            "the broker deletes whole segments: up to a segment later", hours, by_time
        ),
        Holding(
            "predictions", f"topic `{topics.scored}`", f"{text}, keyed hash of the author, tweet id",
            kept[topics.scored], "the same", f"{hours}, BUZZWATCH_WORKER__TEXT", by_time
        ),
        Holding(
            "judgements", f"topic `{topics.feedback}`", "name of who judged, text where they sent one",
            kept[topics.feedback], "the same", hours, by_time
        ),
        Holding(
            "dead letters", f"topic `{topics.dead_letters}`", "as what could not be read", kept[topics.dead_letters],
            "the same", dead, by_time
        ),
    ]  # fmt: skip


def _records(settings: Settings) -> list[Holding]:
    topics = settings.kafka.topics
    return [
        Holding(
            "labels", f"topic `{topics.labels}`", "masked text, tweet id, keyed hash of who judged", FOREVER, "", "",
            "written anew without them"
        ),
        Holding(
            "who did what", f"topic `{topics.audit}`", "names of operators and of keys", FOREVER, "", "",
            "nothing: it holds no tweets, no authors"
        ),
    ]  # fmt: skip


def _texts_in_redis(settings: Settings) -> list[Holding]:
    alerts, learning = settings.alerts, settings.learning
    return [
        Holding(
            "samples of negative tweets", "Redis", "masked text, tweet id", span(alerts.minute_retention_s),
            f"{SAMPLES} newest and {SAMPLES} of the past for each watch", "BUZZWATCH_ALERTS__MINUTE_RETENTION_S",
            "erased"
        ),
        Holding(
            "what alerts quote", "Redis", "up to three masked texts an alert", "as long as it fires, then as history",
            f"the last {alerts.history:,} resolved alerts", "BUZZWATCH_ALERTS__HISTORY", "text replaced"
        ),
        Holding(
            "notifications that wait", "Redis", "what alerts quote",
            "until delivered, or given up after days of trying", "those given up wait for `alerts redeliver`", "",
            "text replaced; what was sent is sent"
        ),
        Holding(
            "texts for review", "Redis", "masked text, tweet id", span(learning.review_keep_s),
            f"{learning.review_queue:,} texts", "BUZZWATCH_LEARNING__REVIEW_KEEP_S, BUZZWATCH_LEARNING__REVIEW_QUEUE",
            "erased"
        ),
        Holding(
            "remembered predictions", "Redis", "masked text, tweet id", span(learning.text_memory_s),
            f"{learning.text_memory:,} predictions",
            "BUZZWATCH_LEARNING__TEXT_MEMORY_S, BUZZWATCH_LEARNING__TEXT_MEMORY", "erased"
        ),
    ]  # fmt: skip


def _numbers_in_redis(settings: Settings) -> list[Holding]:
    alerts = settings.alerts
    return [
        Holding(
            "ids of judgements", "Redis", "ids; keyed hash of who judged", span(alerts.feedback_memory_s), "",
            "BUZZWATCH_ALERTS__FEEDBACK_MEMORY_S", "nothing: they name no tweet and nobody"
        ),
        Holding(
            "counts", "Redis", "none: numbers per watch, theme and minute",
            f"{span(alerts.minute_retention_s)} by minute, {span(alerts.hour_retention_s)} by hour", "",
            "BUZZWATCH_ALERTS__MINUTE_RETENTION_S, BUZZWATCH_ALERTS__HOUR_RETENTION_S", "nothing"
        ),
        Holding(
            "ids that were erased", "topic `" + settings.kafka.topics.labels + "`", "tweet and prediction ids",
            FOREVER, "", "", "these keep what was erased from coming back"
        ),
        Holding(
            "ids that were erased", "Redis", "tweet and prediction ids", span(kept_out_s(settings)), "",
            "BUZZWATCH_KAFKA__TOPICS__DEAD_LETTER_RETENTION_HOURS, BUZZWATCH_LEARNING__REVIEW_KEEP_S",
            "these keep what was erased from coming back while a topic holds it"
        ),
        Holding(
            "keys and sessions of the API", "Redis", "names of keys, hashes of secrets", "90 days after their end",
            f"a session: {settings.api.session_hours:g} hours", "BUZZWATCH_API__SESSION_HOURS", "nothing"
        ),
        Holding(
            "who did what, on its way to `audit`", "Redis, the data folder", "names of operators and of keys",
            "until Kafka has it", "", "", "nothing: it holds no tweets, no authors"
        ),
    ]  # fmt: skip


def _files(settings: Settings) -> list[Holding]:
    return [
        Holding(
            "snapshots of labels", f"`{settings.snapshots}`", "masked text, tweet id", FOREVER,
            "until somebody deletes them", "BUZZWATCH_LEARNING__SNAPSHOTS", "written anew without them"
        ),
        Holding(
            "retrainings", f"`{settings.local.data_dir / 'retraining'}`, the registry",
            "a snapshot, and examples in release notes", "the newest runs; in the registry " + FOREVER,
            "until somebody deletes the version", "",
            "work folders deleted; what is in the registry is for you to delete"
        ),
        Holding(
            "models", "the registry, caches", "weights of hashed pieces of words; no texts", FOREVER,
            "until somebody deletes the version", "", "nothing: the next retraining learns without"
        ),
        Holding(
            "files that were scored on the page", "the API's temporary folder", "whatever was in the file",
            "until the API stops", "the last 8 files", "", "nothing: they come from who uploaded them"
        ),
        Holding(
            "rows on pages", "the API's memory, open browsers", "masked text", "minutes",
            "60 tweets; a browser's while its page is open", "", "taken off"
        ),
        Holding(
            "logs", f"`{settings.local.data_dir / 'logs'}`", "none: no texts, no authors",
            "20 MB a process, four files", "", "", "nothing"
        ),
    ]  # fmt: skip
