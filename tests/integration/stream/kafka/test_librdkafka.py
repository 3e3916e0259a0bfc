"""The producer through librdkafka's C interface, beside confluent-kafka's, on a real broker."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from contracts.settings import Settings
from contracts.topics import TopicSettings
from stream.kafka.librdkafka import LibrdkafkaProducer
from stream.kafka.records import OutRecord
from tests.waiting import until

RECORDS = [
    OutRecord(
        b"key", b"value", [("text", "\u00e9"), ("bytes", b"a\0b"), ("none", None), ("empty", b"")], 1_790_000_000_123
    ),
    OutRecord(None, b"no key", [], 1_790_000_000_124),
    OutRecord(b"", b"", [("same", b"1"), ("same", b"2")], 1_790_000_000_125),
    OutRecord(b"tombstone", None, [("", b"nameless")], 1_790_000_000_126),
    OutRecord(b"nul\0inside", b"nul\0inside", [], 1_790_000_000_127),
]


@pytest.fixture
def consumer(settings: Settings, topics: TopicSettings) -> Iterator[Consumer]:
    with Consumer(
        settings.kafka.librdkafka() | {"group.id": topics.tweets, "enable.auto.commit": False, "log_level": 2}
    ) as one:
        yield one


def transactional(settings: Settings) -> LibrdkafkaProducer:
    return LibrdkafkaProducer(
        settings.kafka.librdkafka_producer() | {"transactional.id": settings.kafka.topics.scored, "log_level": 2}
    )


def read(consumer: Consumer, topic: str, partitions: int, count: int) -> list[tuple[object, ...]]:
    """What committed transactions have written, by timestamp; that nothing follows where `count` is 0."""
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    found: list[tuple[object, ...]] = []
    for _ in range(600 if count else 5):
        for message in consumer.consume(10, 0.2):
            assert message.error() is None
            found.append((message.timestamp(), message.key(), message.value(), message.headers() or []))
        if found and len(found) == count:
            break
    assert len(found) == count
    return sorted(found, key=lambda entry: str(entry[0]))


def test_records_of_every_form_are_those_that_confluent_kafka_produces(
    settings: Settings, topics: TopicSettings, consumer: Consumer
) -> None:
    ours, theirs = (
        LibrdkafkaProducer(settings.kafka.librdkafka_producer()),
        Producer(settings.kafka.librdkafka_producer()),
    )
    for record in RECORDS:
        assert ours.produce(topics.scored, record)
        theirs.produce(
            topics.dead_letters, record.value, record.key, headers=record.headers, timestamp=record.timestamp_ms
        )
    assert ours.flush(60) == 0
    assert theirs.flush(60) == 0
    found = read(consumer, topics.scored, topics.partitions, len(RECORDS))
    assert found == read(consumer, topics.dead_letters, topics.partitions, len(RECORDS))
    assert [entry[1:3] for entry in found] == [(record.key, record.value) for record in RECORDS]


def test_a_transaction_commits_offsets_with_their_metadata_and_shows_its_records_at_once(
    settings: Settings, topics: TopicSettings, consumer: Consumer
) -> None:
    producer = transactional(settings)
    producer.init_transactions(60)
    committed = [TopicPartition(topics.tweets, 0, 41, "an id \u00e9"), TopicPartition(topics.tweets, 1, 7)]
    producer.begin_transaction()
    assert producer.produce(topics.scored, RECORDS[0])
    producer.send_offsets_to_transaction(committed, consumer.consumer_group_metadata(), 60)
    producer.commit_transaction(60)
    found = consumer.committed(committed, 60)
    assert [(one.partition, one.offset, one.metadata or None) for one in found] == [
        (0, 41, "an id \u00e9"),
        (1, 7, None),
    ]
    assert len(read(consumer, topics.scored, topics.partitions, 1)) == 1


def test_no_offset_gets_more_metadata_than_was_meant(
    settings: Settings, topics: TopicSettings, consumer: Consumer
) -> None:
    """A worker reads a partition again from its beginning where the metadata is not the topic's id."""
    producer = transactional(settings)
    producer.init_transactions(60)
    for length in range(8, 40):
        meant = [TopicPartition(topics.tweets, partition, length, "x" * length) for partition in range(4)]
        producer.begin_transaction()
        producer.send_offsets_to_transaction(meant, consumer.consumer_group_metadata(), 60)
        producer.commit_transaction(60)
        found = consumer.committed(meant, 60)
        assert {one.metadata for one in found} == {"x" * length}


def test_nothing_of_an_aborted_transaction_is_seen(
    settings: Settings, topics: TopicSettings, consumer: Consumer
) -> None:
    producer = transactional(settings)
    producer.init_transactions(60)
    producer.begin_transaction()
    assert producer.produce(topics.scored, RECORDS[0])
    offset = TopicPartition(topics.tweets, 0, 41)
    producer.send_offsets_to_transaction([offset], consumer.consumer_group_metadata(), 60)
    producer.abort_transaction(60)
    assert [one.offset for one in consumer.committed([offset], 60)] == [-1001]
    assert read(consumer, topics.scored, topics.partitions, 0) == []
    producer.begin_transaction()
    assert producer.produce(topics.scored, RECORDS[1])
    producer.commit_transaction(60)
    assert len(read(consumer, topics.scored, topics.partitions, 1)) == 1


def test_a_later_producer_of_the_same_name_fences_the_earlier_for_good(
    settings: Settings, topics: TopicSettings, consumer: Consumer
) -> None:
    first, second = transactional(settings), transactional(settings)
    first.init_transactions(60)
    first.begin_transaction()
    assert first.produce(topics.scored, RECORDS[0])
    first.flush(60)
    second.init_transactions(60)
    with pytest.raises(KafkaException) as fenced:
        first.commit_transaction(60)
    error = fenced.value.args[0]
    assert (error.code(), error.fatal(), error.retriable()) == (KafkaError._FENCED, True, False)
    assert read(consumer, topics.scored, topics.partitions, 0) == []


def test_calls_out_of_turn_and_strange_metadata_are_errors_as_of_confluent_kafka(
    settings: Settings, topics: TopicSettings
) -> None:
    producer = transactional(settings)
    with pytest.raises(KafkaException) as out_of_turn:
        producer.begin_transaction()
    assert out_of_turn.value.args[0].code() == KafkaError._STATE
    with pytest.raises(KafkaException) as strange:
        producer.send_offsets_to_transaction([TopicPartition(topics.tweets, 0, 1)], b"not group metadata", 1)
    assert strange.value.args[0].code() == KafkaError._BAD_MSG


@pytest.mark.parametrize(
    ("properties", "named"),
    [({"no.such.property": 1}, "no.such.property"), ({"message.timeout.ms": "soon"}, "message.timeout.ms")],
)
def test_an_impossible_property_is_named(properties: dict[str, str | int | bool], named: str) -> None:
    with pytest.raises(KafkaException, match=named):
        LibrdkafkaProducer(properties)


def test_a_time_out_may_be_retried(settings: Settings) -> None:
    nobody = LibrdkafkaProducer({"bootstrap.servers": "127.0.0.1:1", "transactional.id": "alone", "log_level": 0})
    with pytest.raises(KafkaException) as away:
        nobody.init_transactions(0.1)
    error = away.value.args[0]
    assert (error.code(), error.retriable(), error.fatal()) == (KafkaError._TIMED_OUT, True, False)


def test_a_producer_that_nothing_refers_to_gives_its_threads_back() -> None:
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    gc.collect()
    before, python_threads = threads(), threading.active_count()
    for _ in range(5):
        LibrdkafkaProducer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
    assert threading.active_count() == python_threads
    until(lambda: threads() <= before)
