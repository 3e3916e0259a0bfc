"""Events produced in one call, against those produced one by one, on a real broker."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from bench.stage.tweets import tweets
from contracts.events import ModelRef
from contracts.rules.schema import Rules, Theme, Watch
from contracts.settings import Settings
from contracts.topics import TopicSettings
from models.annotator import Annotator
from models.linear.model import HashedModel
from models.registry.champion import LoadedModel
from stream.codecs.prediction_encoder import EventBatch
from stream.kafka.librdkafka import LibrdkafkaProducer
from stream.kafka.records import RecordBatch
from stream.scoring.publisher import produce_events
from stream.scoring.scorer import Scorer
from tests.fakes_kafka import FakeRecord
from tests.unit.models.hashed_samples import random_weights

RULES = Rules(watches=(Watch(name="air", match=("@united",)),), themes=(Theme(name="delay", match=("late",)),))
_Seen = tuple[Any, ...]


def events(count: int) -> EventBatch:
    loaded = LoadedModel.of(ModelRef("sentiment", "7"), HashedModel(random_weights(), {}))
    records = [
        FakeRecord(value, offset=at, timestamp_ms=1_790_000_000_000 + at) for at, (_, value) in enumerate(tweets(count))
    ]
    scored = Scorer(Annotator(RULES), "masked").score(RecordBatch(records, 0, None), loaded, 1_795_000_000_123)
    assert isinstance(scored.predictions, EventBatch)
    return scored.predictions


def read(settings: Settings, topic: str, count: int) -> dict[int | None, list[_Seen]]:
    """What each partition holds, in order."""
    consumer = Consumer(settings.kafka.librdkafka() | {"group.id": "bulk", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(settings.kafka.topics.partitions)])
    found: dict[int | None, list[_Seen]] = {}
    seen = 0
    for _ in range(600):
        for message in consumer.consume(count, 0.2):
            assert message.error() is None
            entry = (message.key(), message.value(), message.headers(), message.timestamp())
            found.setdefault(message.partition(), []).append(entry)
            seen += 1
        if seen == count:
            break
    consumer.close()
    assert seen == count
    return found


def test_events_produced_in_one_call_are_those_produced_one_by_one(settings: Settings, topics: TopicSettings) -> None:
    batch = events(2000)
    producer = LibrdkafkaProducer(settings.kafka.librdkafka_producer() | {"linger.ms": 5})
    assert produce_events(producer, topics.scored, batch, 0) == len(batch)
    assert producer.flush(60) == 0
    one_by_one = Producer(settings.kafka.librdkafka_producer() | {"linger.ms": 5})
    for record in batch:
        one_by_one.produce(
            topics.dead_letters, record.value, record.key, headers=record.headers, timestamp=record.timestamp_ms
        )
    assert one_by_one.flush(60) == 0
    at_once = read(settings, topics.scored, len(batch))
    assert at_once == read(settings, topics.dead_letters, len(batch))
    assert len(at_once) > 1


def test_what_does_not_fit_into_the_queue_waits_for_its_turn(settings: Settings, topics: TopicSettings) -> None:
    batch = events(300)
    limited = {"queue.buffering.max.messages": 100, "linger.ms": 0}
    producer = LibrdkafkaProducer(settings.kafka.librdkafka_producer() | limited)
    done, rounds = 0, 0
    while done < len(batch) and rounds < 1000:
        done = produce_events(producer, topics.scored, batch, done)
        producer.poll(0.05)
        rounds += 1
    assert producer.flush(60) == 0
    assert rounds > 1
    found = read(settings, topics.scored, len(batch))
    assert sorted(entry[0] for entries in found.values() for entry in entries) == sorted(
        one.key or b"" for one in batch
    )


def test_an_error_of_librdkafka_is_raised_as_confluent_kafka_raises_it(
    settings: Settings, topics: TopicSettings
) -> None:
    properties = settings.kafka.librdkafka_producer() | {"transactional.id": topics.scored}
    with pytest.raises(KafkaException) as one_by_one:
        Producer(properties).produce(topics.scored, b"outside of a transaction")
    with pytest.raises(KafkaException) as at_once:
        produce_events(LibrdkafkaProducer(properties), topics.scored, events(2), 0)
    assert at_once.value.args[0].code() == one_by_one.value.args[0].code()
