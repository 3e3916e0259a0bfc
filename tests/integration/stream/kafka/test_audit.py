from __future__ import annotations

import pytest
from confluent_kafka import Producer

from contracts.audit import AuditEvent
from contracts.errors import Unavailable
from contracts.settings import KafkaSettings, Settings
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


def test_without_the_topic_reading_says_what_to_do(settings: Settings, kafka_servers: str) -> None:
    with pytest.raises(Unavailable, match="buzzwatch topics create"):
        list(audit_events(settings))
