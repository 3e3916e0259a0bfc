"""The watch role's counting thread while Kafka and Redis are away."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from prometheus_client import REGISTRY

from alerts.counters.store import CounterStore
from alerts.storage.connection import connect
from contracts.errors import Unavailable
from contracts.settings import Settings
from contracts.topics import TopicSettings
from stream.counting.consumer import CountPredictions
from stream.counting.marked_consumer import MarkedConsumer, Source
from stream.kafka.consumers import batch_consumer
from stream.kafka.polling import end_of_undecodable
from stream.kafka.topic_id import TopicIdentity
from tests.integration.stream.scoring.test_role import produce
from tests.servers import RunningServer
from tests.waiting import until


def counted() -> float:
    return REGISTRY.get_sample_value("buzzwatch_predictions_counted_total") or 0


class _Running:
    def __init__(self, settings: Settings, give_up_after_s: float) -> None:
        settings.worker.group = settings.kafka.topics.scored
        self.failures: list[Exception] = []
        topic = settings.kafka.topics.scored
        self.watch = MarkedConsumer(
            Source(
                topic,
                batch_consumer(settings, f"{settings.worker.group}-watch", "a"),
                TopicIdentity(settings, topic),
                partial(end_of_undecodable, settings),
                most=1000,
                give_up_after_s=give_up_after_s,
            ),
            CountPredictions(CounterStore(connect(settings), settings), settings.alerts, lambda: None),
            self.failures.append,
        )
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.watch.run()
        except Exception as error:
            self.failures.append(error)
        self.watch.close()

    def stop(self) -> None:
        self.watch.stop()
        self._thread.join()


def test_counting_alone_gives_up_when_kafka_has_been_away_for_the_set_time(
    settings: Settings, create_topics: Callable[[Settings], None], own_kafka: RunningServer
) -> None:
    settings.kafka.bootstrap_servers = own_kafka.address
    create_topics(settings)
    running = _Running(settings, give_up_after_s=3)
    try:
        until(lambda: running.watch.owns(0))
        own_kafka.kill()
        until(lambda: running.failures)
        assert isinstance(running.failures[0], Unavailable)
        assert "Kafka has not answered" in str(running.failures[0])
    finally:
        running.stop()


def test_without_redis_counting_waits_knows_its_lag_and_is_no_standstill(
    settings: Settings, topics: TopicSettings, own_redis: RunningServer
) -> None:
    settings.redis.url = own_redis.address
    own_redis.kill()
    tweets, topics.tweets = topics.tweets, topics.scored
    produce(settings, [b"{}"] * 40)
    topics.tweets = tweets
    running = _Running(settings, give_up_after_s=60)
    try:
        until(lambda: running.watch.lag == 40)
        since = time.monotonic()
        until(lambda: running.watch.last_progress > since)
        own_redis.start()
        until(lambda: running.watch.lag == 0)
        assert running.failures == []
    finally:
        running.stop()


def test_a_log_that_has_lost_its_end_is_not_counted_once_more(settings: Settings, topics: TopicSettings) -> None:
    tweets, topics.tweets = topics.tweets, topics.scored
    produce(settings, [b"{}"] * 40)
    store = CounterStore(connect(settings), settings)
    topic_id = TopicIdentity(settings, topics.scored).ask()
    partitions = range(topics.partitions)
    for partition in partitions:
        store.add(topic_id=topic_id, partition=partition, expected=0, end=1000, buckets={}, minutes={}, samples=())
    before = counted()
    running = _Running(settings, give_up_after_s=60)
    try:
        until(lambda: all(mark < 1000 for mark in store.marks(topic_id, partitions).values()))
        assert sum(store.marks(topic_id, partitions).values()) == 40
        produce(settings, [b"{}"] * 3)
        until(lambda: sum(store.marks(topic_id, partitions).values()) == 43)
        until(lambda: counted() - before >= 3)  # the metric follows what the store has
        assert counted() - before == 3
        assert running.failures == []
    finally:
        topics.tweets = tweets
        running.stop()
