from __future__ import annotations

import redis

from contracts.settings import RedisSettings, Settings
from contracts.topics import TopicSettings
from local.doctor.check_servers import check_kafka, check_mlflow, check_redis, check_topics
from local.topics import create_topics, describe_topics
from tests.servers import RunningServer
from tests.topic_configs import set_topic_config


def test_a_broker_is_named_with_its_version(settings: Settings, kafka_servers: str) -> None:
    finding = check_kafka(settings)
    assert (finding.status, finding.version.split(".")[0]) == ("ok", "4")


def test_missing_topics_are_broken_and_created_ones_fine(settings: Settings, kafka_servers: str) -> None:
    assert check_topics(settings).status == "broken"
    assert [state.state for state in create_topics(settings)] == ["created"] * len(settings.kafka.topics.all())
    assert check_topics(settings).status == "ok"
    assert [state.state for state in create_topics(settings)] == ["exists"] * len(settings.kafka.topics.all())


def test_dead_letters_without_room_for_headers_are_broken(settings: Settings, topics: TopicSettings) -> None:
    set_topic_config(settings.kafka.bootstrap_servers, [topics.dead_letters], {"max.message.bytes": "1048576"})
    finding = check_topics(settings)
    assert finding.status == "broken"
    assert "block its partition" in finding.detail


def test_an_existing_topic_is_kept_and_its_differences_are_named(settings: Settings, topics: TopicSettings) -> None:
    wider = settings.kafka.topics.model_copy(update={"partitions": 6, "retention_hours": 1})
    other = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"topics": wider})})
    [tweets, *_] = create_topics(other)
    assert tweets.state == "differs"
    assert tweets.partitions == 4
    assert tweets.differences == (
        "partitions: is 4, should be 6",
        "retention.ms: is 604800000, should be 3600000",
    )
    assert check_topics(other).status == "warning"
    assert describe_topics(settings)[0].state == "exists"


def test_a_redis_that_evicts_is_broken_and_one_without_a_file_doubtful(
    settings: Settings, own_redis: RunningServer
) -> None:
    foreign = settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": own_redis.address})})
    assert check_redis(foreign).status == "ok"
    with redis.Redis.from_url(own_redis.address) as client:
        client.config_set("appendonly", "no")
        assert check_redis(foreign).status == "warning"
        client.set("buzzwatch:state-version", "99")
        state = check_redis(foreign.model_copy(update={"redis": RedisSettings(url=own_redis.address)}))
        assert (state.status, "is of version 99" in state.detail) == ("broken", True)
        assert "BUZZWATCH_REDIS__PREFIX" in state.remedy
        client.config_set("maxmemory-policy", "allkeys-lru")
    finding = check_redis(foreign)
    assert finding.status == "broken"
    assert "allkeys-lru" in finding.detail


def test_a_registry_without_a_champion_is_broken_and_says_how_to_get_one(settings: Settings, mlflow_uri: str) -> None:
    finding = check_mlflow(settings)
    assert finding.status == "broken"
    assert finding.version.startswith("3.")
    assert "buzzwatch train" in finding.remedy
