from __future__ import annotations

import time

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Producer, TopicPartition

from contracts.settings import Settings
from contracts.topics import TopicSettings
from stream.kafka.consumers import reader
from stream.kafka.polling import Poller
from tests.waiting import until

PARTITIONS, RECORDS = 4, 10
LOOKED_UP_AGAIN_S = 1.0
"""Twice as long as librdkafka waits before it asks once more where a partition begins."""


def test_nobody_is_taken_back_to_a_beginning_that_was_looked_up_before(
    settings: Settings, topics: TopicSettings
) -> None:
    """As a worker of a new group was, which began twice in a row, and went on behind a damaged batch."""
    producer = Producer(settings.kafka.librdkafka_producer())
    for partition in range(PARTITIONS):
        for _ in range(RECORDS):
            producer.produce(topics.tweets, b"{}", partition=partition)
    assert producer.flush(60) == 0
    consumer = reader(settings)
    try:
        poller = Poller(consumer, lambda gap: gap.offset)
        poller.assign([TopicPartition(topics.tweets, 0, OFFSET_END)])
        until(lambda: poller.poll(1, 0.1) or poller.ends)
        for _ in range(2):
            poller.assign(
                [TopicPartition(topics.tweets, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)]
            )
            time.sleep(0.02)  # a question is on its way, behind the request for records of partition 0
        poller.assign([TopicPartition(topics.tweets, partition, 4) for partition in range(PARTITIONS)])
        read: list[int] = []
        later = time.monotonic() + LOOKED_UP_AGAIN_S
        while time.monotonic() < later or len(read) < PARTITIONS * (RECORDS - 4):
            read += [record.offset() for record in poller.poll(100, 0.1)]
        assert sorted(read) == sorted(PARTITIONS * list(range(4, RECORDS)))
    finally:
        consumer.close()


def test_what_waits_behind_a_transaction_that_was_left_open_is_said(settings: Settings, topics: TopicSettings) -> None:
    """Nobody may read it, and for as long as the producer has asked for; it would look like silence."""
    left_open = Producer(settings.kafka.librdkafka_producer() | {"transactional.id": topics.tweets})
    left_open.init_transactions(60)
    left_open.begin_transaction()
    left_open.produce(topics.tweets, b"{}", partition=1)
    assert left_open.flush(60) == 0
    behind = Producer(settings.kafka.librdkafka_producer())
    behind.produce(topics.tweets, b"{}", partition=1)
    assert behind.flush(60) == 0
    consumer = reader(settings)
    try:
        poller = Poller(consumer, lambda gap: gap.offset, held_after_s=0.5)
        assignment = [TopicPartition(topics.tweets, partition, 0) for partition in (0, 1)]
        poller.assign(assignment)

        def held() -> str | None:
            poller.poll(10, 0.1)
            assert poller.lag(assignment) == 0 or not poller.ends
            return poller.held_back(topics.tweets)

        until(held)
        assert f"{topics.tweets}[1]@0" in str(held())
        assert f"{topics.tweets}[0]" not in str(held())
        left_open.abort_transaction(60)
        until(lambda: held() is None)
    finally:
        consumer.close()
