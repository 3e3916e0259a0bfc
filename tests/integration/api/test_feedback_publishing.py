from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer

from api.feedback import FeedbackPublisher
from contracts.errors import Unavailable
from contracts.events import Feedback, decode_feedback
from contracts.settings import ApiSettings, KafkaSettings, Settings
from contracts.topics import TopicSettings
from local.topics import create_topics
from tests.servers import RunningServer
from tests.waiting import PATIENCE_S


def judgement() -> Feedback:
    return Feedback(
        feedback_id=uuid.uuid4(), prediction_id=uuid.uuid4(), predicted="negative", correct=False, model_version="7"
    )


def read_all(settings: Settings, number: int) -> list[tuple[str, Feedback]]:
    consumer = Consumer(settings.kafka.librdkafka() | {"group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest"})
    consumer.subscribe([settings.kafka.topics.feedback])
    found: list[tuple[str, Feedback]] = []
    end = time.monotonic() + PATIENCE_S
    while len(found) < number and time.monotonic() < end:
        message = consumer.poll(0.5)
        if message is not None and message.error() is None:
            found.append(((message.key() or b"").decode(), decode_feedback(message.value())))
    consumer.close()
    return found


@pytest.fixture
def publisher(settings: Settings, topics: TopicSettings) -> Iterator[FeedbackPublisher]:
    publisher = FeedbackPublisher(settings)
    publisher.start()
    yield publisher
    publisher.stop()


async def test_a_judgement_is_on_the_topic_keyed_by_its_prediction_once_publish_returns(
    settings: Settings, publisher: FeedbackPublisher
) -> None:
    sent = [judgement() for _ in range(50)]
    await asyncio.gather(*(publisher.publish(one) for one in sent))
    found = read_all(settings, 50)
    assert sorted(found, key=str) == sorted([(str(one.prediction_id), one) for one in sent], key=str)


async def test_the_loop_goes_on_while_an_acknowledgement_is_awaited(publisher: FeedbackPublisher) -> None:
    waiting = asyncio.create_task(publisher.publish(judgement()))
    beats = 0
    while not waiting.done():
        await asyncio.sleep(0)
        beats += 1
    await waiting
    assert beats > 1


async def test_a_kafka_that_dies_makes_unavailable_in_time_and_works_again_when_it_is_back(
    own_kafka: RunningServer, tmp_path: Path
) -> None:
    settings = Settings(
        kafka=KafkaSettings(bootstrap_servers=own_kafka.address), api=ApiSettings(feedback_timeout_s=1.5)
    )
    create_topics(settings)
    publisher = FeedbackPublisher(settings)
    publisher.start()
    await _published_at_last(publisher)
    assert publisher.brokers(60) == 1
    own_kafka.kill()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable, match="again with the same feedback_id"):
            await publisher.publish(judgement())
    with pytest.raises(Unavailable):
        publisher.brokers(0.5)
    own_kafka.start()
    await _published_at_last(publisher)
    publisher.stop()


async def _published_at_last(publisher: FeedbackPublisher) -> None:
    """By a broker that has just started, which may take its time."""
    for attempt in range(40):
        try:
            await publisher.publish(judgement())
            break
        except Unavailable:
            assert attempt < 39


async def test_without_kafka_from_the_start_the_wait_is_bounded() -> None:
    settings = Settings(kafka=KafkaSettings(bootstrap_servers="127.0.0.1:1"), api=ApiSettings(feedback_timeout_s=0.5))
    publisher = FeedbackPublisher(settings)
    with pytest.raises(Unavailable, match="not ready"):
        await publisher.publish(judgement())
    publisher.start()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(Unavailable):
            await publisher.publish(judgement())
    publisher.stop()


def test_a_kafka_without_the_feedback_topic_is_not_well(settings: Settings, kafka_servers: str) -> None:
    publisher = FeedbackPublisher(settings)
    publisher.start()
    try:
        with pytest.raises(Unavailable, match=r"takes no feedback: topic .* run `buzzwatch topics create`"):
            publisher.brokers(60)
        create_topics(settings)
        assert publisher.brokers(60) == 1
    finally:
        publisher.stop()
