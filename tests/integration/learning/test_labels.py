"""Labels over a real Kafka and a real Redis."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
import pytest
from confluent_kafka import Producer

from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.storage.connection import connect
from contracts.errors import Unavailable
from contracts.learning.labels import LabelEvent, judge_hash
from contracts.rules.schema import Rules
from contracts.settings import Settings
from contracts.topics import TopicSettings
from learning.labels.from_feedback import LabelsFromFeedback
from learning.labels.log import LabelWriter, read_labels
from learning.labels.resolution import resolve
from learning.labels.texts import PredictionTexts, Remembered, TextMemory
from stream.counting.feedback_consumer import JudgeFeedback
from stream.counting.marked_consumer import MarkedBatch
from tests.fakes_kafka import FakeRecord

RULES = Rules.model_validate({"watches": [{"name": "air-paradis", "match": ["@airparadis"]}]})


def feedback(number: int, prediction_id: str, **more: object) -> FakeRecord:
    value = {
        "feedback_id": str(uuid.UUID(int=number + 1)),
        "prediction_id": prediction_id,
        "predicted": "positive",
        "correct": False,
        "expected": "negative",
        "model_version": "1",
        "author": "ann",
    }
    return FakeRecord(json.dumps(value | more).encode(), topic="feedback", offset=number)


def test_judgements_become_labels_once_also_when_they_are_judged_again(
    settings: Settings, topics: TopicSettings
) -> None:
    client = connect(settings)
    texts = PredictionTexts(client, settings)
    known, unknown = str(uuid.uuid4()), str(uuid.uuid4())
    texts.remember([Remembered(prediction_id=known, text="@jane lost my bag", tweet_id="7")])
    records = [feedback(0, known), feedback(1, unknown), feedback(2, unknown, text="the crew was rude")]

    def judge_all() -> None:  # a new worker each time, and a Redis that has lost its marks
        writer = LabelWriter(settings)
        evaluator = FeedbackEvaluator(client, settings, RULES)
        task = JudgeFeedback(evaluator, lambda letters: None, LabelsFromFeedback(writer, texts, "key"))
        mark = evaluator.marks("topic", [0]).get(0, 0)
        task.act(MarkedBatch("topic", 0, mark, 3, records))

    judge_all()
    for key in client.scan_iter(f"{settings.redis.prefix}:*feedback*"):
        client.delete(key)
    judge_all()
    found = resolve(read_labels(settings), settings.learning)
    assert found.duplicates == 3
    assert sorted(label.text for label in found.labels) == ["@user lost my bag", "the crew was rude"]
    assert {event.judge for event in found.judgements} == {judge_hash("ann", "key")}


def test_a_record_that_is_no_label_is_passed_over_and_named(settings: Settings, topics: TopicSettings) -> None:
    producer = Producer(settings.kafka.librdkafka_producer())
    for value in (b"nonsense", b'{"kind": "guess"}', None):
        producer.produce(topics.labels, value)
    assert producer.flush(60) == 0
    event = LabelEvent(
        label_id=uuid.uuid4(),
        kind="judgement",
        created_at=datetime.now(UTC),
        tweet_id="7",
        label="neutral",
        text="ok",
        source="review",
    )
    never = msgspec.structs.replace(event, created_at=datetime.fromisoformat("0001-01-01T00:00:00+14:00"))
    LabelWriter(settings).write([event, never])
    lines: list[str] = []
    assert [one.label for one in read_labels(settings, lines.append)] == ["neutral"]
    assert len(lines) == 4
    assert lines[0].startswith(f"{topics.labels}[0]@0 is no label")


def test_without_the_topic_a_write_says_what_to_do(settings: Settings, kafka_servers: str) -> None:
    event = LabelEvent(label_id=uuid.uuid4(), kind="erasure", created_at=datetime.now(UTC), tweet_id="7")
    with pytest.raises(Unavailable, match="topics create"):
        LabelWriter(settings, timeout_s=2).write([event])


def test_texts_are_remembered_masked_and_the_oldest_forgotten_first(settings: Settings) -> None:
    client = connect(settings)
    few = settings.model_copy(update={"learning": settings.learning.model_copy(update={"text_memory": 2})})
    texts = PredictionTexts(client, few)
    memory = TextMemory(texts)
    made: Callable[[int], list[Remembered]] = lambda n: [Remembered(prediction_id=str(n), text=f"@jane {n}")]  # noqa: E731
    for number in range(3):
        texts.remember(made(number))
    assert {one: found.text for one, found in texts.find(["0", "1", "2"]).items()} == {"1": "@user 1", "2": "@user 2"}
    memory.remember(lambda: made(5))
    assert memory.settle(120)
    assert "5" in texts.find(["5"])
    memory.stop()
    texts.forget("5")
    assert texts.find(["5"]) == {}
