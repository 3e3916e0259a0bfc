"""The judge over a real Redis; records and the consumer's seek are in memory."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis.exceptions import ConnectionError as Away

from alerts.rules.feedback_evaluator import Judge
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from contracts.rules.schema import Rules
from contracts.settings import Settings
from stream.counting.feedback_consumer import JudgeRole
from stream.dead_letters.record import error_class
from stream.kafka.records import OutRecord
from tests.fakes_kafka import FakeRecord
from tests.servers import RunningServer

RULES = Rules.model_validate(
    {
        "watches": [{"name": "air-paradis", "match": ["@airparadis"]}],
        "rules": [{"alert": "ConsecutiveErrors", "kind": "consecutive_errors"}],
    }
)
WRITTEN_MS = int(time.time() * 1000) - 60_000
"""When Kafka got the feedback."""


class Judging:
    """A judge role that reads a topic in memory, seeks included."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.redis = connect(settings)
        self.buried: list[OutRecord] = []
        self.topic: list[bytes | None] = []
        self.first = 0
        """What is before it was deleted."""
        self.next = 0
        self.role = JudgeRole(
            Judge(self.redis, settings, RULES), "feedback", topic_id=lambda: "id", bury=self.buried.append
        )
        self.next = self.role.start_at() or 0

    async def seek(self, offset: int) -> None:
        self.next = max(offset, self.first)

    async def read(self) -> None:
        while self.next < len(self.topic):
            offset = self.next
            self.next += 1
            record = FakeRecord(self.topic[offset], topic="feedback", offset=offset, timestamp_ms=WRITTEN_MS)
            await self.role.handle(record, self.seek)

    def firing(self) -> list[str]:
        return [alert.labels["alertname"] for alert in AlertStore(self.redis, self.settings).list("firing")]


@pytest.fixture
def start(settings: Settings) -> Iterator[Callable[[], Judging]]:
    started: list[Judging] = []

    def begin() -> Judging:
        started.append(Judging(settings))
        return started[-1]

    yield begin
    for judging in started:
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


async def test_bad_feedback_goes_to_the_dead_letters_and_the_rest_counts(start: Callable[[], Judging]) -> None:
    judging = start()
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
    judging.topic = [judgement(), *bad, judgement(), judgement()]
    await judging.read()
    assert [letter.value for letter in judging.buried] == bad
    assert [error_class(letter) for letter in judging.buried] == ["UnreadableRecord"] * 3 + ["InvalidFeedback"] * 5
    assert judging.firing() == ["ConsecutiveErrors"]


async def test_a_judge_that_comes_back_counts_nothing_twice(start: Callable[[], Judging]) -> None:
    first = start()
    first.topic = [judgement(), judgement()]
    await first.read()
    second = start()
    second.topic = first.topic
    await second.read()
    assert second.firing() == []
    second.topic = [*first.topic, judgement()]
    await second.read()
    assert second.firing() == ["ConsecutiveErrors"]


async def test_a_redis_that_forgot_is_told_again(start: Callable[[], Judging], settings: Settings) -> None:
    judging = start()
    judging.topic = [judgement() for _ in range(3)]
    await judging.read()
    redis = judging.redis
    redis.delete(*redis.keys(f"{settings.redis.prefix}:*"))
    assert judging.firing() == []
    await judging.role.compare(judging.seek)
    assert judging.next == 0
    await judging.read()
    assert judging.firing() == ["ConsecutiveErrors"]


async def test_what_was_read_ahead_of_a_rewind_is_not_counted_out_of_order(
    start: Callable[[], Judging], settings: Settings
) -> None:
    judging = start()
    judging.topic = [judgement(), judgement(), judgement(correct=True)]
    await judging.read()
    redis = judging.redis
    redis.delete(*redis.keys(f"{settings.redis.prefix}:*"))
    judging.topic.append(judgement())
    await judging.read()  # the mark does not fit: the judge goes back to the beginning
    assert judging.role.start_at() == 4
    assert judging.firing() == []


async def test_feedback_without_a_date_counts_at_its_records_time(
    start: Callable[[], Judging], settings: Settings
) -> None:
    judging = start()
    judging.topic = [judgement() for _ in range(3)]
    await judging.read()
    (alert,) = AlertStore(judging.redis, settings).list("firing")
    assert alert.starts_at_ms == WRITTEN_MS


async def test_a_rewind_that_the_consumer_forgot_is_insisted_on(
    start: Callable[[], Judging], settings: Settings
) -> None:
    judging = start()
    judging.topic = [judgement(), judgement()]
    await judging.read()
    redis = judging.redis
    redis.delete(*redis.keys(f"{settings.redis.prefix}:*"))

    async def forget(offset: int) -> None: ...

    await judging.role.compare(forget)
    judging.topic.append(judgement())
    await judging.read()  # the consumer goes on where it was
    assert judging.firing() == []
    await judging.role.compare(judging.seek)
    await judging.read()
    assert judging.firing() == ["ConsecutiveErrors"]


async def test_a_start_that_the_consumer_forgot_is_insisted_on(start: Callable[[], Judging]) -> None:
    judging = start()
    judging.topic = [judgement() for _ in range(4)]
    judging.next = 2  # Faust has noted what it read ahead, and drops what is before it
    await judging.read()
    assert judging.firing() == ["ConsecutiveErrors"]
    assert judging.role.start_at() == 4


async def test_what_is_no_longer_there_is_not_waited_for_for_ever(
    start: Callable[[], Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.counting.feedback_consumer._PATIENCE_S", 0.2)
    judging = start()
    judging.topic = [judgement() for _ in range(4)]
    judging.first = judging.next = 2
    await judging.read()
    await judging.role.compare(judging.seek)
    await judging.read()
    assert judging.role._judge.mark("id") is None
    await asyncio.sleep(0.25)
    await judging.role.compare(judging.seek)
    await judging.read()
    assert judging.role.start_at() == 4
    assert judging.firing() == []


async def test_what_came_meanwhile_is_not_lost_when_it_is_waited_for_no_longer(
    start: Callable[[], Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.counting.feedback_consumer._PATIENCE_S", 0.2)
    judging = start()
    judging.topic = [judgement() for _ in range(5)]
    judging.first = judging.next = 2
    await judging.read()
    await asyncio.sleep(0.25)
    judging.topic.append(judgement())
    await judging.read()  # the newest comes before a seek does
    assert judging.role.start_at() == 6
    assert judging.firing() == ["ConsecutiveErrors"]


async def test_a_record_that_waited_for_redis_does_not_jump_over_what_redis_forgot(
    start: Callable[[], Judging], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start()
    judging.topic = [judgement(), judgement()]
    await judging.read()
    redis = judging.redis
    redis.delete(*redis.keys(f"{settings.redis.prefix}:*"))
    really = Judge.judge
    away = [Away("away")]

    def judge(self: Judge, *arguments: Any) -> int:
        if away:
            raise away.pop()
        return really(self, *arguments)

    monkeypatch.setattr(Judge, "judge", judge)
    monkeypatch.setattr("stream.counting.feedback_consumer._REDIS_AWAY_S", 0.2)
    judging.topic.append(judgement())
    reading = asyncio.create_task(judging.read())
    await asyncio.sleep(0.1)  # the record waits
    await judging.role.compare(judging.seek)
    await reading
    assert judging.firing() == ["ConsecutiveErrors"]


async def test_feedback_that_cannot_be_judged_blocks_nobody(
    start: Callable[[], Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start()
    judge = judging.role._judge.judge

    def defective(topic_id: str, expected: int | None, end: int, events: Any, **more: Any) -> int:
        if events and end == 2:
            raise KeyError("a defect")
        return judge(topic_id, expected, end, events, **more)

    monkeypatch.setattr(judging.role._judge, "judge", defective)
    judging.topic = [judgement() for _ in range(4)]
    await judging.read()
    assert [letter.value for letter in judging.buried] == [judging.topic[1]]
    assert judging.firing() == ["ConsecutiveErrors"]


async def test_bad_feedback_is_buried_once_however_long_redis_is_away(
    start: Callable[[], Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start()
    judge = judging.role._judge.judge
    away = [Away("away")] * 3

    def returning(*arguments: Any) -> int:
        if away:
            raise away.pop()
        after: int = judge(*arguments)
        return after

    monkeypatch.setattr(judging.role._judge, "judge", returning)
    monkeypatch.setattr("stream.counting.feedback_consumer._REDIS_AWAY_S", 0.01)
    judging.topic = [b"junk", b"more junk", judgement()]
    await judging.read()
    assert [letter.value for letter in judging.buried] == [b"junk", b"more junk"]
    assert judging.role.start_at() == 3


async def test_how_much_feedback_waits_is_known_and_a_judgement_that_hangs_is_no_progress(
    start: Callable[[], Judging], monkeypatch: pytest.MonkeyPatch
) -> None:
    judging = start()
    judging.topic = [judgement()]
    judging.role.measure(3)
    assert (judging.role.partitions, judging.role.lag(), judging.role.is_behind) == (1, 3, False)
    hangs = threading.Event()
    judge = judging.role._judge.judge
    monkeypatch.setattr(judging.role._judge, "judge", lambda *arguments: hangs.wait(10) and judge(*arguments))
    reading = asyncio.create_task(judging.read())
    await asyncio.sleep(0.1)
    since = judging.role.last_progress
    judging.role.measure(3)
    assert (judging.role.is_behind, judging.role.last_progress) == (True, since)
    hangs.set()
    await reading
    judging.role.measure(3)
    assert (judging.role.lag(), judging.role.is_behind) == (2, False)
    judging.role.measure(None)
    assert (judging.role.partitions, judging.role.lag()) == (0, 0)


async def test_a_judge_that_starts_without_redis_waits_for_it(settings: Settings, own_redis: RunningServer) -> None:
    own = settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": own_redis.address})})
    own_redis.kill()
    with connect(own) as redis:
        role = JudgeRole(Judge(redis, own, RULES), "feedback", topic_id=lambda: "id", bury=list[OutRecord]().append)
        waiting = asyncio.create_task(role.await_start())
        await asyncio.sleep(1)
        assert not waiting.done()
        own_redis.restart()
        assert await asyncio.wait_for(waiting, 20) is None


async def test_a_record_on_its_way_into_redis_is_no_surprise(
    start: Callable[[], Judging], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    judging = start()
    judging.topic = [judgement()]
    await judging.read()
    written, compared = threading.Event(), threading.Event()
    judge = judging.role._judge.judge

    def slowly(*arguments: Any) -> int:
        after: int = judge(*arguments)
        written.set()
        compared.wait(10)
        return after

    async def seek(offset: int) -> None:
        raise AssertionError(offset)

    monkeypatch.setattr(judging.role._judge, "judge", slowly)
    judging.topic.append(judgement())
    reading = asyncio.create_task(judging.read())
    await asyncio.get_running_loop().run_in_executor(None, written.wait, 10)
    await judging.role.compare(seek)
    compared.set()
    await reading
    assert judging.role.start_at() == 2
    assert not caplog.records
