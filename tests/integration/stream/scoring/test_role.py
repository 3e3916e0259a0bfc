"""The score role against a real broker, with a model in memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from numpy.typing import NDArray

from contracts.errors import Unavailable
from contracts.events import ModelRef, decode_prediction, prediction_id
from contracts.rules.schema import Rules
from contracts.settings import Settings
from contracts.topics import TopicSettings
from models.annotator import Annotator
from models.registry.champion import Champion
from stream.kafka.records import Record, RecordBatch
from stream.kafka.topic_id import TopicIdentity
from stream.kafka.topic_reader import follow
from stream.scoring.role import ScoreRole
from stream.scoring.scorer import Scorer
from stream.scoring.transactions import ProducerFencing
from tests.servers import RunningServer
from tests.waiting import until

RULES = Rules.model_validate(
    {
        "watches": [{"name": "air-paradis", "match": ["@airparadis"]}],
        "themes": [{"name": "baggage", "match": ["bag", "luggage"]}],
    }
)
pytestmark = pytest.mark.usefixtures("topics")


class PoisonedModel:
    """Says negative; raises on texts with `poison` in them."""

    metadata: Mapping[str, Any] = MappingProxyType({})

    def predict_proba(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if any("poison" in text for text in texts):
            raise ValueError("cannot score this")
        return np.tile(np.array([0.7, 0.2, 0.1], np.float32), (len(texts), 1))


def champion(version: str = "7") -> Champion:
    loaded = SimpleNamespace(ref=ModelRef("sentiment", version), model=PoisonedModel())
    return cast("Champion", SimpleNamespace(current=loaded))


class RunningRole:
    """A score role with the event loop that a Faust app would give it."""

    def __init__(self, settings: Settings, instance: str, model: Champion | None = None) -> None:
        self.failures: list[Exception] = []
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()
        self.role = ScoreRole(
            settings,
            model or champion(),
            Scorer(Annotator(RULES), settings.worker.text),
            instance,
            fencing=ProducerFencing(settings, instance),
            deliver=self._deliver,
            failed=self.failures.append,
        )
        self.role.start()

    def _deliver(self, batch: RecordBatch) -> None:
        asyncio.run_coroutine_threadsafe(self.role.score(batch), self.loop)

    def stop(self) -> None:
        self.role.stop()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[..., RunningRole]]:
    running: list[RunningRole] = []
    settings.worker.group = settings.kafka.topics.tweets

    def start_role(instance: str = "a", **arguments: Any) -> RunningRole:
        running.append(RunningRole(settings, instance, **arguments))
        return running[-1]

    yield start_role
    for role in running:
        role.stop()


def produce(settings: Settings, values: Sequence[bytes | None]) -> None:
    producer = Producer(settings.kafka.librdkafka_producer())
    for number, value in enumerate(values):
        producer.produce(settings.kafka.topics.tweets, value, key=str(number))
    assert producer.flush(60) == 0


def tweets(count: int, first: int = 0) -> list[bytes | None]:
    return [
        json.dumps({"id": number, "text": f"flight {number} is late"}).encode()
        for number in range(first, first + count)
    ]


def read(settings: Settings, topic: str) -> list[Record]:
    return list(follow(settings, topic, from_beginning=True, until_end=True))


def wait_for(settings: Settings, topic: str, count: int) -> list[Record]:
    """The records of a topic, once there are so many."""
    records: list[Record] = []

    def are_there() -> bool:
        records[:] = read(settings, topic)
        return len(records) >= count

    until(are_there, said=lambda: f"{len(records)} of {count} came")
    return records


def test_every_tweet_becomes_one_cloud_event(settings: Settings, topics: TopicSettings, start: Any) -> None:
    produce(
        settings, [b'{"id": 1, "text": "@AirParadis lost my bag", "lang": "en", "created_at": "2026-11-20T10:00:00Z"}']
    )
    start()
    (record,) = wait_for(settings, topics.scored, 1)
    prediction = decode_prediction(record.value())
    headers = dict(record.headers() or [])
    assert record.key() == b"1"
    assert prediction.prediction_id == prediction_id("sentiment", "7", "1")
    assert (prediction.sentiment, prediction.watches, prediction.themes) == ("negative", ["air-paradis"], ["baggage"])
    assert (prediction.text, prediction.lang) == ("@user lost my bag", "en")
    assert prediction.created_at == "2026-11-20T10:00:00.000Z"
    assert headers == {
        "ce_specversion": b"1.0",
        "ce_id": prediction.prediction_id.encode(),
        "ce_source": b"/buzzwatch/score",
        "ce_type": b"buzzwatch.tweet.scored.v1",
        "ce_time": prediction.scored_at.encode(),
        "content-type": b"application/json",
    }


def test_bad_records_go_to_the_dead_letters_and_block_nobody(
    settings: Settings, topics: TopicSettings, start: Any
) -> None:
    huge = json.dumps({"id": 9, "text": "x" * 1_000_000}).encode()
    bad: list[bytes | None] = [
        None, b"", b"not json", b"[1]", b'"text"', b'{"id": 1}', b'{"id": 1, "text": ""}', b'{"id": 1, "text": " "}',
        b'{"id": 1, "text": null}', b'{"id": 1, "text": "\\ud800"}', b'{"id": 1, "text": "\xff"}',
        json.dumps({"id": 1, "text": "x" * 10_001}).encode(), huge, b'{"id": 2, "text": "poison"}',
        b'{"id": 3, "text": "a", "created_at": "yesterday"}',
    ]  # fmt: skip
    good = [
        json.dumps({"id": 1, "text": "x" * 10_000}).encode(), b'{"id": 2, "text": "a\\u0000b"}',
        '{"id": 3, "text": "😡😡"}'.encode(), b'{"id": 4, "text": "a", "created_at": "0001-01-01T00:00:00+05:00"}',
        b'{"id": 5, "text": "a", "created_at": "9999-12-31T23:59:59-05:00"}', b'{"id": 6, "text": "a", "x": {"y": 1}}',
    ]  # fmt: skip
    produce(settings, [*bad, *good])
    start()
    dead = wait_for(settings, topics.dead_letters, len(bad))
    scored = wait_for(settings, topics.scored, len(good))
    assert Counter(record.value() for record in dead) == Counter(bad)
    assert sorted(int(decode_prediction(record.value()).tweet_id) for record in scored) == [1, 2, 3, 4, 5, 6]
    classes = Counter(dict(record.headers() or [])["error-class"] for record in dead)
    assert classes == {b"UnreadableRecord": 7, b"InvalidTweet": 7, b"ModelFailure": 1}


def test_a_worker_that_comes_back_goes_on_where_it_was(settings: Settings, topics: TopicSettings, start: Any) -> None:
    produce(settings, tweets(500))
    first = start()
    assert len(wait_for(settings, topics.scored, 500)) == 500
    first.stop()
    first.stop = lambda: None
    produce(settings, tweets(500, first=500))
    start()
    scored = wait_for(settings, topics.scored, 1000)
    time.sleep(0.5)
    assert Counter(decode_prediction(record.value()).tweet_id for record in read(settings, topics.scored)) == Counter(
        str(number) for number in range(1000)
    )
    assert len(scored) == 1000


def test_a_worker_whose_name_was_taken_is_fenced_and_publishes_nothing_twice(
    settings: Settings, topics: TopicSettings, start: Any
) -> None:
    stale = start("same")
    produce(settings, tweets(200))
    wait_for(settings, topics.scored, 200)
    start("same")
    produce(settings, tweets(2000, first=200))
    wait_for(settings, topics.scored, 2200)
    until(lambda: stale.failures)
    assert [type(error) for error in stale.failures[:1]] == [KafkaException]
    stale.stop()  # it does not wait for batches that it can never publish
    stale.stop = lambda: None
    seen = Counter(decode_prediction(record.value()).tweet_id for record in read(settings, topics.scored))
    assert seen == Counter(str(number) for number in range(2200))


def test_workers_that_join_and_leave_lose_and_double_nothing(
    settings: Settings, topics: TopicSettings, start: Any
) -> None:
    start("one")
    produce(settings, tweets(3000))
    two = start("two")
    produce(settings, tweets(3000, first=3000))
    until(lambda: two.role.partitions > 0)
    two.stop()
    two.stop = lambda: None
    produce(settings, tweets(3000, first=6000))
    wait_for(settings, topics.scored, 9000)
    seen = Counter(decode_prediction(record.value()).tweet_id for record in read(settings, topics.scored))
    assert seen == Counter(str(number) for number in range(9000))


def test_the_instance_name_is_the_lowest_free_slot_and_stays_after_a_restart(
    settings: Settings, tmp_path: Path
) -> None:
    from stream.worker.instance import Instance

    settings.worker.group = settings.kafka.topics.tweets
    one, two = Instance(settings), Instance(settings)
    assert (one.slot, two.slot) == (0, 1)
    one.release()
    assert Instance(settings).slot == 0


def test_a_topic_created_again_is_read_from_its_beginning_while_the_worker_runs(
    settings: Settings, topics: TopicSettings, start: Any, create_topics: Callable[[Settings], None]
) -> None:
    running = start()
    produce(settings, tweets(60))
    assert len(wait_for(settings, topics.scored, 60)) == 60
    admin = AdminClient(settings.kafka.librdkafka())
    admin.delete_topics([topics.tweets])[topics.tweets].result(60)
    until(lambda: topics.tweets not in admin.list_topics(timeout=60).topics)
    create_topics(settings)
    produce(settings, tweets(20, first=100))
    scored = [decode_prediction(record.value()).tweet_id for record in wait_for(settings, topics.scored, 80)]
    assert Counter(scored) == Counter(str(number) for number in [*range(60), *range(100, 120)])
    assert running.failures == []


def test_a_log_that_has_lost_its_end_is_not_scored_once_more(
    settings: Settings, topics: TopicSettings, start: Any
) -> None:
    produce(settings, tweets(20))
    topic_id = TopicIdentity(settings, topics.tweets).ask()
    group = f"{settings.kafka.topics.tweets}-score"
    with Consumer(settings.kafka.librdkafka() | {"group.id": group}) as consumer:
        places = [TopicPartition(topics.tweets, partition, 1000, topic_id) for partition in range(topics.partitions)]
        consumer.commit(offsets=places, asynchronous=False)
    running = start()
    until(lambda: running.role.partitions > 0 and not running.role.is_behind)
    time.sleep(1)
    produce(settings, tweets(5, first=100))
    scored = [decode_prediction(record.value()).tweet_id for record in wait_for(settings, topics.scored, 5)]
    assert sorted(scored) == [str(number) for number in range(100, 105)]
    assert running.failures == []


def test_a_worker_with_nothing_to_do_says_that_kafka_is_away_and_gives_up_after_the_set_time(
    settings: Settings, start: Any, create_topics: Callable[[Settings], None], own_kafka: RunningServer
) -> None:
    settings.kafka.bootstrap_servers = own_kafka.address
    settings.worker.give_up_after_s = 15
    create_topics(settings)
    running = start()
    produce(settings, tweets(5))
    assert len(wait_for(settings, settings.kafka.topics.scored, 5)) == 5
    assert running.role.kafka_problem is None
    own_kafka.kill()
    until(lambda: running.role.kafka_problem is not None)
    assert "Kafka has not answered" in str(running.role.kafka_problem)
    assert running.failures == []
    until(lambda: running.failures)
    assert isinstance(running.failures[0], Unavailable)
