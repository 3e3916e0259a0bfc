from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer

from alerts.storage.audit_waiting import WaitingEvents
from alerts.storage.connection import connect
from contracts.audit import AuditEvent
from contracts.errors import Unavailable
from contracts.settings import KafkaSettings, RedisSettings, Settings
from contracts.topics import TopicSettings
from stream.kafka.audit import AuditLog, audit_events
from tests.conftest import NOBODY


def event(version: str) -> AuditEvent:
    return AuditEvent(who="ada", what="model.promoted", subject=f"model sentiment {version}", why="better")


def test_events_are_read_in_order_and_each_once(settings: Settings, topics: TopicSettings) -> None:
    first, second = event("1"), event("2")
    log = AuditLog(settings)
    assert log.record(first) is None
    Producer(settings.kafka.librdkafka_producer()).produce(topics.audit, b"somebody's own")
    log.send([second, first])
    assert list(audit_events(settings)) == [first, second]


def test_what_kafka_does_not_take_is_kept_and_sent_before_the_next(settings: Settings, topics: TopicSettings) -> None:
    away = settings.model_copy(update={"kafka": KafkaSettings(bootstrap_servers=NOBODY, topics=topics)})
    first, second, third = event("1"), event("2"), event("3")
    for one in (first, second):
        line = AuditLog(away, timeout_s=0.5).record(one)
        assert line is not None
        assert NOBODY in line
        assert str(AuditLog(settings).waiting) in line
    with AuditLog(settings).waiting.open("ab") as file:
        file.write(b'{"cut off')
    assert AuditLog(settings).record(third) is None
    assert list(audit_events(settings)) == [first, second, third]
    assert not AuditLog(settings).waiting.exists()


def test_where_it_can_be_neither_sent_nor_kept_the_line_holds_the_event(
    settings: Settings, topics: TopicSettings
) -> None:
    settings.local.data_dir.joinpath("file").write_text("")
    nowhere = settings.local.model_copy(update={"data_dir": settings.local.data_dir / "file"})
    away = KafkaSettings(bootstrap_servers=NOBODY, topics=topics)
    line = AuditLog(settings.model_copy(update={"kafka": away, "local": nowhere}), timeout_s=0.5).record(event("1"))
    assert line is not None
    assert '"model sentiment 1"' in line


def test_without_kafka_what_was_done_waits_in_redis_for_whoever_writes_next(
    settings: Settings, topics: TopicSettings
) -> None:
    away = settings.model_copy(update={"kafka": KafkaSettings(bootstrap_servers=NOBODY, topics=topics)})
    waiting = WaitingEvents(connect(settings), settings)
    long_ago = datetime.now(UTC) - timedelta(minutes=1)
    first, second = event("1").model_copy(update={"when": long_ago}), event("2")
    with waiting.keeping(first):
        pass  # the process that made the change is killed before it sends the event
    line = AuditLog(away, timeout_s=0.5, stored=waiting).record(second)
    assert line is not None
    assert "kept in Redis and sent with the next one" in line
    assert not AuditLog(away).waiting.exists()
    third = event("3")
    assert AuditLog(settings, stored=waiting).record(third) is None
    assert list(audit_events(settings)) == [first, third]  # the second may be on its way: it is not due yet
    assert waiting.due(after_s=0) == [second]
    AuditLog(settings, stored=waiting).send_due()
    assert waiting.due(after_s=0) == [second]


def test_what_was_not_done_leaves_no_event(settings: Settings) -> None:
    waiting = WaitingEvents(connect(settings), settings)

    def fail() -> None:
        with waiting.keeping(event("1")):
            assert [one.subject for one in waiting.due(after_s=0)] == ["model sentiment 1"]
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert waiting.due(after_s=0) == []


def test_without_redis_the_event_goes_to_the_topic_all_the_same(settings: Settings, topics: TopicSettings) -> None:
    nowhere = settings.model_copy(update={"redis": RedisSettings(url=f"redis://{NOBODY}/0")})
    only = event("1")
    assert AuditLog(settings, stored=WaitingEvents(connect(nowhere), nowhere)).record(only) is None
    assert list(audit_events(settings)) == [only]


def test_without_the_topic_reading_says_what_to_do(settings: Settings, kafka_servers: str) -> None:
    with pytest.raises(Unavailable, match="buzzwatch topics create"):
        list(audit_events(settings))
