"""The judge role over a real Kafka and a real Redis; the agent is a loop of the test's own."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from redis.exceptions import ConnectionError as Away

from alerts.rules.feedback_evaluator import FeedbackEvaluator
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.rules.schema import Rules
from contracts.settings import Settings
from contracts.times import clock_ms
from contracts.topics import TopicSettings
from stream.counting.feedback_consumer import MOST, FeedbackBatch, JudgeFeedback, JudgeRole
from stream.counting.marked_consumer import MarkedBatch, Source
from stream.dead_letters.record import error_class
from stream.kafka.consumers import batch_consumer
from stream.kafka.polling import end_of_undecodable
from stream.kafka.records import OutRecord
from stream.kafka.topic_id import TopicIdentity
from tests.judgements import judgements
from tests.servers import RunningServer
from tests.waiting import until

RULES = Rules.model_validate(
    {
        "watches": [{"name": "air-paradis", "match": ["@airparadis"]}],
        "rules": [{"alert": "ConsecutiveErrors", "kind": "consecutive_errors"}],
    }
)


class Judging:
    """A judge role as a worker has it."""

    def __init__(self, settings: Settings, name: str = "a") -> None:
        self.settings = settings
        self.redis = connect(settings)
        self.judge = FeedbackEvaluator(self.redis, settings, RULES)
        self.buried: list[OutRecord] = []
        self.failures: list[Exception] = []
        topic = settings.kafka.topics.feedback
        identity = TopicIdentity(settings, topic)
        self.role = JudgeRole(
            Source(
                topic,
                batch_consumer(settings, settings.kafka.topics.tweets, name, check_crcs=True),
                identity,
                partial(end_of_undecodable, settings),
                most=MOST,
                give_up_after_s=60,
            ),
            JudgeFeedback(self.judge, self.buried.extend),
            deliver=self._judge,
            failed=self.failures.append,
        )

    def _judge(self, handed: FeedbackBatch) -> None:
        asyncio.run(self.role.judge(handed))

    def marks(self) -> dict[int, int]:
        topic_id = TopicIdentity(self.settings, self.settings.kafka.topics.feedback).ask()
        return self.judge.marks(topic_id, range(4))

    def wait_judged(self, *marks: int) -> None:
        """Wait until each partition has got to its mark."""
        until(lambda: self.marks() == dict(enumerate(marks)), said=lambda: f"{self.marks()} {self.failures}")
        assert self.failures == []

    def firing(self) -> list[str]:
        return [alert.labels["alertname"] for alert in AlertStore(self.redis, self.settings).list("firing")]

    def forget(self) -> None:
        """Redis is emptied."""
        self.redis.delete(*self.redis.keys(f"{self.settings.redis.prefix}:*"))

    def counted(self) -> int:
        return sum(judgements(self.redis, self.settings.redis.prefix).values())


@pytest.fixture
def start(settings: Settings, topics: TopicSettings) -> Iterator[Callable[..., Judging]]:
    made: list[Judging] = []
    running: list[Judging] = []

    def begin(run: bool = True) -> Judging:
        made.append(judging := Judging(settings))
        if run:
            judging.role.start()
            running.append(judging)
        return judging

    yield begin
    for judging in running:
        judging.role.stop()
    for judging in made:
        judging.redis.close()


def judgement(correct: object = False, **changes: Any) -> bytes:
    body = {
        "feedback_id": str(uuid.uuid4()),
        "prediction_id": str(uuid.uuid4()),
        "predicted": "negative",
        "correct": correct,
        "model_version": "7",
    }
    return json.dumps(body | changes).encode()


def send(settings: Settings, *values: bytes | None, partition: int = 0, timestamp_ms: int = 0) -> None:
    producer = Producer(settings.kafka.librdkafka_producer())
    for value in values:
        producer.produce(settings.kafka.topics.feedback, value, partition=partition, timestamp=timestamp_ms)
    assert producer.flush(60) == 0


def test_bad_feedback_goes_to_the_dead_letters_and_the_rest_counts(
    settings: Settings, start: Callable[..., Judging]
) -> None:
    bad = [
        None,
        b"\xff",
        b"[]",
        judgement(predicted="angry"),
        judgement(prediction_id="7"),
        judgement(correct=True, expected="positive"),
        judgement(correct=False, expected="negative"),
        judgement(correct="yes"),
    ]
    send(settings, judgement(), *bad, judgement(), judgement())
    judging = start()
    judging.wait_judged(11)
    assert [letter.value for letter in judging.buried] == bad
    assert [error_class(letter) for letter in judging.buried] == ["UnreadableRecord"] * 3 + ["InvalidFeedback"] * 5
    assert judging.firing() == ["ConsecutiveErrors"]


def test_a_judge_that_comes_back_counts_nothing_twice(settings: Settings, start: Callable[..., Judging]) -> None:
    first = start()
    send(settings, judgement(), judgement())
    first.wait_judged(2)
    first.role.stop()
    second = start()
    time.sleep(2)
    assert second.firing() == []
    send(settings, judgement())
    second.wait_judged(3)
    assert second.firing() == ["ConsecutiveErrors"]
    assert second.counted() == 3


def test_a_redis_that_forgot_is_told_again_although_nothing_comes(
    settings: Settings, start: Callable[..., Judging]
) -> None:
    judging = start()
    send(settings, judgement(), judgement(), judgement())
    judging.wait_judged(3)
    judging.forget()
    assert judging.firing() == []
    judging.wait_judged(3)
    assert judging.firing() == ["ConsecutiveErrors"]


def test_what_was_read_ahead_of_a_redis_that_forgot_is_not_counted_out_of_order(
    settings: Settings, start: Callable[..., Judging]
) -> None:
    judging = start(run=False)
    send(settings, judgement(), judgement(), judgement(correct=True), judgement())
    judge, forgotten = judging.judge.judge, threading.Event()

    def once_forgotten(topic_id: str, expected: int | None, end: int, events: Any, **more: Any) -> int:
        after: int = judge(topic_id, expected, end, events, **more)
        if end == 4 and not forgotten.is_set():
            forgotten.set()
            judging.forget()
            send(settings, judgement())
        return after

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judging.judge, "judge", once_forgotten)
        judging.role.start()
        judging.wait_judged(5)
    assert judging.firing() == []
    assert judging.counted() == 5


def test_feedback_without_a_date_counts_at_its_records_time(settings: Settings, start: Callable[..., Judging]) -> None:
    written_ms = clock_ms() - 60_000
    send(settings, *[judgement() for _ in range(3)], timestamp_ms=written_ms)
    judging = start()
    judging.wait_judged(3)
    (alert,) = AlertStore(judging.redis, settings).list("firing")
    assert alert.starts_at_ms == written_ms


def test_what_is_no_longer_there_is_not_waited_for(settings: Settings, start: Callable[..., Judging]) -> None:
    send(settings, *[judgement() for _ in range(5)])
    topic = settings.kafka.topics.feedback
    admin = AdminClient(settings.kafka.librdkafka())
    [deleted] = admin.delete_records([TopicPartition(topic, 0, 2)]).values()
    deleted.result(60)
    judging = start()
    judging.wait_judged(5)
    assert judging.firing() == ["ConsecutiveErrors"]
    assert judging.counted() == 3


def test_a_record_that_waited_for_redis_does_not_jump_over_what_redis_forgot(
    settings: Settings, start: Callable[..., Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start()
    send(settings, judgement(), judgement())
    judging.wait_judged(2)
    judge = judging.judge.judge

    def forgetting(*arguments: Any, **more: Any) -> int:
        monkeypatch.setattr(judging.judge, "judge", judge)
        judging.forget()
        raise Away("away")

    monkeypatch.setattr(judging.judge, "judge", forgetting)
    send(settings, judgement())
    judging.wait_judged(3)
    assert judging.firing() == ["ConsecutiveErrors"]


def test_feedback_that_cannot_be_judged_blocks_nobody(
    settings: Settings, start: Callable[..., Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start(run=False)
    judge = judging.judge.judge

    def defective(topic_id: str, expected: int | None, end: int, events: Any, **more: Any) -> int:
        if any(offset == 1 for offset, _ in events):
            raise KeyError("a defect")
        return judge(topic_id, expected, end, events, **more)

    monkeypatch.setattr(judging.judge, "judge", defective)
    values = [judgement() for _ in range(4)]
    send(settings, *values)
    judging.role.start()
    judging.wait_judged(4)
    assert [letter.value for letter in judging.buried] == [values[1]]
    assert judging.firing() == ["ConsecutiveErrors"]


def test_bad_feedback_is_buried_once_however_long_redis_is_away(
    settings: Settings, start: Callable[..., Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start(run=False)
    judge = judging.judge.judge
    away = [Away("away")] * 3

    def returning(*arguments: Any, **more: Any) -> int:
        if away:
            raise away.pop()
        after: int = judge(*arguments, **more)
        return after

    monkeypatch.setattr(judging.judge, "judge", returning)
    send(settings, b"junk", b"more junk", judgement())
    judging.role.start()
    judging.wait_judged(3)
    assert [letter.value for letter in judging.buried] == [b"junk", b"more junk"]


def test_how_much_feedback_waits_is_known_and_a_judgement_that_hangs_is_no_progress(
    settings: Settings, start: Callable[..., Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start()
    role = judging.role
    until(lambda: role.partitions == 1)
    until(lambda: not role.is_behind)
    hangs, began = threading.Event(), threading.Event()
    judge = judging.judge.judge

    def hanging(*arguments: Any, **more: Any) -> int:
        began.set()
        hangs.wait(400)
        after: int = judge(*arguments, **more)
        return after

    monkeypatch.setattr(judging.judge, "judge", hanging)
    send(settings, judgement(), judgement())
    until(began.is_set)
    since = role.last_progress
    until(lambda: role.is_behind and role.lag > 0)
    assert role.last_progress == since
    hangs.set()
    judging.wait_judged(2)
    until(lambda: role.lag == 0)
    assert role.last_progress > since


def test_a_judge_that_starts_without_redis_waits_for_it_and_knows_its_lag(
    settings: Settings, topics: TopicSettings, own_redis: RunningServer
) -> None:
    settings.redis.url = own_redis.address
    own_redis.kill()
    send(settings, *[judgement() for _ in range(4)])
    judging = Judging(settings)
    judging.role.start()
    try:
        until(lambda: judging.role.lag == 4)
        time.sleep(1)
        assert judging.failures == []
        own_redis.start()
        judging.wait_judged(4)
        until(lambda: judging.role.lag == 0)
    finally:
        judging.role.stop()
        judging.redis.close()


def test_an_open_transaction_is_no_lag_and_an_aborted_one_counts_nothing(
    settings: Settings, start: Callable[..., Judging]
) -> None:
    judging = start()
    producer = Producer(settings.kafka.librdkafka_producer() | {"transactional.id": settings.kafka.topics.feedback})
    producer.init_transactions(60)
    producer.begin_transaction()
    for _ in range(3):
        producer.produce(settings.kafka.topics.feedback, judgement(), partition=0)
    producer.flush(60)
    until(lambda: judging.role.partitions == 1)
    time.sleep(1.5)
    assert judging.role.lag == 0
    producer.abort_transaction(60)
    send(settings, judgement(correct=True))
    until(lambda: judging.counted() == 1)
    time.sleep(1)
    assert judging.counted() == 1
    assert judging.firing() == []
    until(lambda: judging.role.lag == 0)


def test_the_marker_behind_the_last_committed_record_is_no_lag(
    settings: Settings, start: Callable[..., Judging]
) -> None:
    judging = start()
    producer = Producer(settings.kafka.librdkafka_producer() | {"transactional.id": settings.kafka.topics.feedback})
    producer.init_transactions(60)
    producer.begin_transaction()
    for _ in range(3):
        producer.produce(settings.kafka.topics.feedback, judgement(), partition=0)
    producer.commit_transaction(60)
    until(lambda: judging.counted() == 3)
    until(lambda: judging.role.lag == 0)
    time.sleep(1)
    assert judging.role.lag == 0
    assert not judging.role.is_behind, "an idle worker would be taken for one that is stuck"


def test_every_partition_is_judged_also_one_that_was_added_meanwhile(
    settings: Settings, start: Callable[..., Judging]
) -> None:
    judging = start()
    send(settings, judgement(correct=True))
    judging.wait_judged(1)
    admin = AdminClient(settings.kafka.librdkafka())
    [added] = admin.create_partitions([NewPartitions(settings.kafka.topics.feedback, 2)]).values()
    added.result(60)
    send(settings, *[judgement() for _ in range(3)], partition=1)
    judging.wait_judged(1, 3)
    assert judging.firing() == ["ConsecutiveErrors"]
    assert judging.role.partitions == 2
    until(lambda: judging.role.lag == 0)


def test_a_topic_created_again_is_judged_from_its_beginning(
    settings: Settings, start: Callable[..., Judging], create_topics: Callable[[Settings], None]
) -> None:
    judging = start()
    send(settings, judgement(), judgement())
    judging.wait_judged(2)
    topic, admin = settings.kafka.topics.feedback, AdminClient(settings.kafka.librdkafka())
    admin.delete_topics([topic])[topic].result(60)
    until(lambda: topic not in admin.list_topics(timeout=60).topics)
    create_topics(settings)
    send(settings, judgement())
    judging.wait_judged(1)
    assert judging.firing() == ["ConsecutiveErrors"]


def test_a_batch_without_records_moves_the_mark_alone(settings: Settings, start: Callable[..., Judging]) -> None:
    judging = start(run=False)
    assert JudgeFeedback(judging.judge, judging.buried.extend).act(MarkedBatch("t", 0, 0, 7)) == 7
    assert judging.judge.marks("t", [0]) == {0: 7}
    assert judging.counted() == 0
