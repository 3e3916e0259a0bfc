"""Finds a subject's records on all topics, in the order in which they lead to each other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from contracts.errors import InvalidRecord
from contracts.events import decode_feedback, decode_prediction, decode_tweet
from contracts.learning.labels import decode_label
from contracts.settings import Settings
from contracts.tweet_objects.fields import author_name
from contracts.tweet_objects.shapes import NAMES
from learning.privacy.subject import Subject
from stream.kafka.records import Record
from stream.kafka.topic_reader import follow

_REPORT: Final = 50_000
Progress = Callable[[str], object]


@dataclass
class TopicTrace:
    """What one topic holds of a subject."""

    topic: str
    found: int = 0
    newest_ms: int = 0
    """Timestamp of the newest record, milliseconds since 1970."""
    last: dict[int, int] = field(default_factory=dict)
    """Partition → offset of the last one."""
    keys: set[tuple[int, bytes]] = field(default_factory=set)
    """Partition and key of each that has one: what a tombstone names."""

    def note(self, record: Record) -> None:
        """Add a record."""
        self.found += 1
        self.newest_ms = max(self.newest_ms, record.timestamp()[1])
        self.last[record.partition()] = record.offset()
        if (key := record.key()) is not None:
            self.keys.add((record.partition(), key))


Belongs = Callable[[Record, Subject], bool]


def find_records(settings: Settings, subject: Subject, progress: Progress = lambda _: None) -> list[TopicTrace]:
    """Read the topics from beginning to end and add to `subject` all names that they reveal.

    Raises:
        Unavailable: Kafka does not answer, or lacks a topic.
    """
    topics = settings.kafka.topics
    ways: list[tuple[str, Belongs]] = [
        (topics.tweets, _of_tweets),
        (topics.scored, _of_scored),
        (topics.feedback, _of_feedback),
        (topics.labels, _of_labels),
        (topics.dead_letters, _of_dead_letters),
    ]
    return [_read(settings, topic, belongs, subject, progress) for topic, belongs in ways]


def _read(settings: Settings, topic: str, belongs: Belongs, subject: Subject, progress: Progress) -> TopicTrace:
    trace = TopicTrace(topic)
    for record in candidates(settings, topic, subject, lambda read: progress(f"{topic}: {read:,} records")):
        if belongs(record, subject):
            trace.note(record)
    return trace


def candidates(
    settings: Settings, topic: str, subject: Subject, progress: Callable[[int], object] = lambda _: None
) -> Iterator[Record]:
    """Records that hold a piece of one of the subject's names."""
    pieces, names = subject.pieces(), -1
    for number, record in enumerate(follow(settings, topic, from_beginning=True, until_end=True), start=1):
        known = len(subject.tweet_ids) + len(subject.prediction_ids)
        if known != names:
            pieces, names = subject.pieces(), known
        content = ((record.value() or b"") + b" " + (record.key() or b"")).lower()
        if any(piece in content for piece in pieces):
            yield record
        if number % _REPORT == 0:
            progress(number)


def _of_tweets(record: Record, subject: Subject) -> bool:
    try:
        tweet = decode_tweet(record.value())
    except InvalidRecord:
        return _is_key(record, subject) or _names_in_json(record, subject)
    author = None if tweet.author_id is None else str(tweet.author_id)
    if not subject.is_of(str(tweet.id), author=author):
        return False
    subject.tweet_ids.add(str(tweet.id))
    subject.add_text(tweet.text)
    return True


def _of_scored(record: Record, subject: Subject) -> bool:
    try:
        prediction = decode_prediction(record.value())
    except InvalidRecord:
        return _is_key(record, subject)
    author = prediction.author if isinstance(prediction.author, str) else None
    if not subject.is_of(prediction.tweet_id, author=author, prediction_id=prediction.prediction_id):
        return False
    subject.tweet_ids.add(prediction.tweet_id)
    subject.prediction_ids.add(prediction.prediction_id)
    subject.add_text(prediction.text)
    return True


def _of_feedback(record: Record, subject: Subject) -> bool:
    try:
        feedback = decode_feedback(record.value())
    except InvalidRecord:
        return _is_key(record, subject)
    if not subject.is_of(feedback.tweet_id, prediction_id=str(feedback.prediction_id)):
        return False
    subject.prediction_ids.add(str(feedback.prediction_id))
    subject.add_text(feedback.text)
    return True


def _of_labels(record: Record, subject: Subject) -> bool:
    if not label_belongs(record, subject):
        return False
    with suppress(InvalidRecord):
        event = decode_label(record.value())
        subject.add_text(event.text)
        if event.prediction_id is not None:
            subject.prediction_ids.add(str(event.prediction_id))
    return True


def label_belongs(record: Record, subject: Subject) -> bool:
    """Whether it says something about the subject; erasures do not: they only keep it away."""
    try:
        event = decode_label(record.value())
    except InvalidRecord:
        return _is_key(record, subject)
    prediction = None if event.prediction_id is None else str(event.prediction_id)
    named = subject.is_of(event.tweet_id, prediction_id=prediction)
    return named and event.kind == "judgement"


def _of_dead_letters(record: Record, subject: Subject) -> bool:
    return _of_tweets(record, subject) or _of_feedback(record, subject)


def _is_key(record: Record, subject: Subject) -> bool:
    return (record.key() or b"").decode(errors="replace") in subject.tweet_ids | subject.prediction_ids


def _names_in_json(record: Record, subject: Subject) -> bool:
    """Whether a tweet that cannot be used (no text, say) names the author or the id all the same."""
    try:
        value = json.loads(record.value() or b"")
    except (ValueError, RecursionError):
        # Not even JSON: the name as a string of its own is the best that can be asked for.
        text = (record.value() or b"").decode(errors="replace")
        return any(f'"{name}"' in text for name in subject.tweet_ids | subject.authors)
    if not isinstance(value, dict):
        return False
    held = {str(value.get(name)) for name in ("id", "id_str", "author_id", "user", "author")}
    held |= {author_name(str(value[name])) for name in (*NAMES, "user") if value.get(name)}
    return not held.isdisjoint(subject.tweet_ids | subject.authors)
