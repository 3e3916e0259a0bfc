"""Batches that lie damaged on a broker's disk, between good ones."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from crc32c import crc32c

from contracts.settings import Settings
from local.topics import create_topics
from stream.kafka.polling import end_of_undecodable
from stream.metrics import UNDECODABLE
from tests.integration.stream.counting.test_feedback_consumer import Judging, judgement
from tests.integration.stream.scoring.test_role import read, start, tweets
from tests.servers import RunningServer, start_kafka
from tests.waiting import until

__all__ = ["start"]  # a fixture
_CRC, _ATTRIBUTES, _RECORDS = 17, 21, 61
"""Where these lie in a record batch: https://kafka.apache.org/documentation/#recordbatch."""
BATCHES, RECORDS = 6, 10
DAMAGED = (1, 2, 5)
"""Two in a row, and the last one, behind which nothing follows."""
FLIPPED = 3


def send_batches(settings: Settings, topic: str, values: list[bytes]) -> None:
    """Each ten values make a batch of one partition."""
    for first in range(0, len(values), RECORDS):
        producer = Producer(settings.kafka.librdkafka_producer() | {"compression.type": "zstd", "linger.ms": 200})
        for value in values[first : first + RECORDS]:
            producer.produce(topic, value, partition=0)
        assert producer.flush(60) == 0


def damage(folder: Path, topic: str, flipped: int | None = None) -> None:
    """Packed bytes that have changed, bytes that were never packed, and a codec that nobody knows; `flipped` can still
    be decoded, and its checksum is wrong."""
    (log,) = folder.rglob(f"{topic}-0/00000000000000000000.log")
    data = bytearray(log.read_bytes())
    place = number = 0
    while place < len(data):
        _, length = struct.unpack_from(">qi", data, place)
        if number == DAMAGED[0]:
            data[place + _RECORDS : place + _RECORDS + 4] = bytes(4)
        elif number in DAMAGED:
            if number == DAMAGED[1]:
                data[place + _RECORDS : place + _RECORDS + 12] = b"not packed!!"
            else:
                data[place + _ATTRIBUTES + 1] |= 7
            struct.pack_into(">I", data, place + _CRC, crc32c(bytes(data[place + _ATTRIBUTES : place + 12 + length])))
        elif number == flipped:
            data[place + _CRC] ^= 1
        place, number = place + 12 + length, number + 1
    assert number == BATCHES
    log.write_bytes(data)


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A broker of each test's own: one that was killed before may refuse for a moment what it has."""
    running = start_kafka(tmp_path_factory.mktemp("damaged"))
    yield running
    running.kill()


@pytest.fixture
def damaged(settings: Settings, own_kafka: RunningServer) -> Settings:
    """Six batches in partition 0 of `tweets` and `feedback`, three of them damaged, one more of `feedback`."""
    settings.kafka.bootstrap_servers = own_kafka.address
    create_topics(settings)
    topics = settings.kafka.topics
    send_batches(settings, topics.tweets, [value or b"" for value in tweets(BATCHES * RECORDS)])
    send_batches(settings, topics.feedback, [judgement(correct=True) for _ in range(BATCHES * RECORDS)])
    own_kafka.stop()
    damage(own_kafka.data_dir, topics.tweets)
    damage(own_kafka.data_dir, topics.feedback, flipped=FLIPPED)
    own_kafka.start()
    return settings


GOOD = [10 * batch + number for batch in range(BATCHES) if batch not in DAMAGED for number in range(RECORDS)]


def skipped(topic: str) -> float:
    return sum(
        sample.value
        for metric in UNDECODABLE.collect()
        for sample in metric.samples
        if sample.name.endswith("_total") and sample.labels["topic"] == topic
    )


def committed(settings: Settings) -> int:
    """Up to where the worker has read partition 0 of `tweets`."""
    group = {"group.id": f"{settings.worker.group}-score"}
    consumer = Consumer(settings.kafka.librdkafka() | group)
    try:
        [position] = consumer.committed([TopicPartition(settings.kafka.topics.tweets, 0)], timeout=60)
        return position.offset
    finally:
        consumer.close()


def test_each_consumer_passes_over_the_damaged_batches_alone(
    damaged: Settings, start: object, caplog: pytest.LogCaptureFixture
) -> None:
    topics = damaged.kafka.topics
    ends: list[int] = []

    def looked_up() -> bool:
        try:
            ends[:] = [end_of_undecodable(damaged, TopicPartition(topics.tweets, 0, first)) for first in (10, 20, 50)]
        except KafkaException:  # a broker that has just started leads no partition yet
            return False
        return True

    until(looked_up)
    assert ends == [20, 30, 60]
    assert [record.offset() for record in read(damaged, topics.tweets)] == GOOD
    assert skipped(topics.tweets) == 30
    assert f"{topics.tweets}[0]@10 to @19: skipped a record batch of 10 offsets that cannot be decoded" in caplog.text

    running = start()  # type: ignore[operator]
    until(lambda: len(read(damaged, topics.scored)) >= len(GOOD))
    scored = sorted(int(json.loads(record.value() or b"")["tweet_id"]) for record in read(damaged, topics.scored))
    assert scored == GOOD
    assert running.failures == []
    until(lambda: running.role.lag == 0)
    until(lambda: committed(damaged) == BATCHES * RECORDS)

    for _ in range(2):  # the second finds nothing left to read or to skip
        judging = Judging(damaged)
        judging.role.start()
        try:
            judging.wait_judged(BATCHES * RECORDS)
            assert judging.counted() == len(GOOD) - RECORDS
            until(lambda role=judging.role: role.partitions and role.lag == 0)  # type: ignore[misc]
            assert skipped(topics.feedback) == 40
        finally:
            judging.role.stop()
            judging.redis.close()
