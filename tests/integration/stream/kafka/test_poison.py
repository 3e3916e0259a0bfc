"""Records that would keep everybody else from being scored, on a real broker."""

from __future__ import annotations

from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from contracts.settings import Settings
from contracts.times import clock_ms
from contracts.topics import TopicSettings
from stream.kafka.records import UNREADABLE, headers_of
from tests.integration.stream.scoring.test_role import produce, read, start, tweets, wait_for
from tests.topic_configs import set_topic_config

__all__ = ["start"]  # a fixture
pytestmark = pytest.mark.usefixtures("topics")
DAY_MS = 86_400_000


class _Raw(str):
    """A name that kafka-python sends as these bytes."""

    __slots__ = ("raw",)
    raw: bytes

    def encode(self, *_: Any, **__: Any) -> bytes:
        return self.raw


def test_a_bad_record_whose_header_name_is_no_utf8_blocks_nobody_and_keeps_the_value(
    settings: Settings, topics: TopicSettings, start: Any
) -> None:
    name = _Raw("x")
    name.raw = b"\xff\xfe"
    producer = KafkaProducer(bootstrap_servers=settings.kafka.bootstrap_servers)
    producer.send(topics.tweets, b"not json", b"k", headers=[(name, b"kept"), ("fine", b"too")]).get(60)
    producer.close()
    produce(settings, tweets(5))
    running = start()
    assert len(wait_for(settings, topics.scored, 5)) == 5
    [letter] = wait_for(settings, topics.dead_letters, 1)
    assert headers_of(letter)[:2] == [(UNREADABLE, b"kept"), ("fine", b"too")]
    assert running.failures == []
    # As it came it can be read as well, twice.
    [came] = [record for record in read(settings, topics.tweets) if record.value() == b"not json"]
    assert headers_of(came) == headers_of(came) == [(UNREADABLE, b"kept"), ("fine", b"too")]


def test_a_tweet_dated_tomorrow_is_scored_and_published_as_of_now(
    settings: Settings, topics: TopicSettings, start: Any
) -> None:
    far = {"message.timestamp.after.max.ms": str(30 * DAY_MS)}
    set_topic_config(settings.kafka.bootstrap_servers, [topics.tweets], far)
    now_ms = clock_ms()
    producer = Producer(settings.kafka.librdkafka_producer())
    producer.produce(topics.tweets, b'{"id": 1, "text": "hi"}', b"1", timestamp=now_ms + DAY_MS)
    assert producer.flush(60) == 0
    produce(settings, tweets(5, first=10))
    start()
    scored = wait_for(settings, topics.scored, 6)
    assert len(scored) == 6
    assert all(record.timestamp()[1] < now_ms + DAY_MS / 2 for record in scored)
