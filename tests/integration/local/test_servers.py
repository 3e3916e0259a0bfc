from __future__ import annotations

import dataclasses
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import redis
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from contracts.errors import Unavailable
from contracts.settings import KafkaSettings, LocalSettings, Settings
from contracts.topics import TopicSettings
from local.servers.kafka import kafka_server
from local.servers.mlflow import mlflow_server
from local.servers.redis import redis_server
from local.servers.server import Server, ensure_ports_are_free, wait_until_ready
from local.topics import create_topics
from tests.servers import RunningServer, free_ports, start_mlflow


def _produce(kafka: KafkaSettings, topic: str, count: int) -> None:
    producer = Producer(kafka.librdkafka_producer())
    for number in range(count):
        producer.produce(topic, value=b"%d" % number)
    assert producer.flush(60) == 0


def _read(kafka: KafkaSettings, topic: str, count: int) -> set[bytes]:
    consumer = Consumer(kafka.librdkafka() | {"group.id": "reader", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    found: set[bytes] = set()
    try:
        while len(found) < count:
            message = consumer.poll(60)
            assert message is not None, f"only {len(found)} of {count} came back"
            assert message.error() is None
            found.add(message.value() or b"")
    finally:
        consumer.close()
    return found


@pytest.mark.slow
def test_a_killed_broker_starts_again_with_every_record(own_kafka: RunningServer, settings: Settings) -> None:
    kafka = settings.kafka.model_copy(update={"bootstrap_servers": own_kafka.address})
    create_topics(settings.model_copy(update={"kafka": kafka}))
    _produce(kafka, kafka.topics.tweets, 500)
    own_kafka.restart()
    assert _read(kafka, kafka.topics.tweets, 500) == {b"%d" % number for number in range(500)}


def test_a_topic_nobody_created_does_not_come_to_be(settings: Settings, topics: TopicSettings) -> None:
    client = AdminClient(settings.kafka.librdkafka())
    client.list_topics("nobody-made-this", timeout=60)
    assert "nobody-made-this" not in client.list_topics(timeout=60).topics


def test_a_stopped_redis_keeps_what_was_written(own_redis: RunningServer) -> None:
    with redis.Redis.from_url(own_redis.address) as client:
        client.set("key", "value")
    own_redis.stop()
    own_redis.start()
    with redis.Redis.from_url(own_redis.address) as client:
        assert client.get("key") == b"value"


def test_redis_evicts_nothing_and_appends_every_second(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("appendonly")["appendonly"] == "yes"
        assert client.config_get("appendfsync")["appendfsync"] == "everysec"


def test_mlflow_refuses_a_host_name_it_does_not_know(mlflow_uri: str) -> None:
    assert httpx.get(f"{mlflow_uri}/health", timeout=60).status_code == 200
    strange = httpx.get(
        f"{mlflow_uri}/api/2.0/mlflow/experiments/get?experiment_id=0", headers={"host": "evil.example"}, timeout=60
    )
    assert strange.status_code == 403


def test_tables_of_a_first_start_that_was_killed_are_made_anew_and_those_of_later_ones_kept(tmp_path: Path) -> None:
    [port] = free_ports(1)
    mlflow_server(LocalSettings(data_dir=tmp_path, mlflow_port=port)).prepare()
    database = tmp_path / "mlflow" / "mlflow.db"
    with closing(sqlite3.connect(database)) as half:
        half.execute("CREATE TABLE experiments (half INTEGER)")
        half.commit()
    server = start_mlflow(tmp_path)
    try:
        api = f"{server.address}/api/2.0/mlflow/experiments"
        httpx.post(f"{api}/create", json={"name": "kept"}, timeout=60).raise_for_status()
        server.restart()
        found = httpx.get(f"{api}/get-by-name", params={"experiment_name": "kept"}, timeout=60)
        assert found.json()["experiment"]["name"] == "kept"
    finally:
        server.kill()


def _run_until_it_dies(server: Server) -> str:
    server.prepare()
    with server.log.open("ab") as log:
        process = subprocess.Popen(server.command, stdout=log, stderr=subprocess.STDOUT)
    never_ready = dataclasses.replace(server, ready=lambda: False)
    with pytest.raises(Unavailable) as caught:
        wait_until_ready(never_ready, is_alive=lambda: process.poll() is None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_taken_port_is_refused_before_the_start_and_names_the_setting(redis_url: str, tmp_path: Path) -> None:
    port = int(redis_url.split(":")[2].split("/")[0])
    with pytest.raises(Unavailable, match=rf"port {port} .*BUZZWATCH_LOCAL__REDIS_PORT"):
        ensure_ports_are_free(redis_server(LocalSettings(data_dir=tmp_path, redis_port=port)))


def test_a_redis_that_lost_the_race_for_its_port_says_so(redis_url: str, tmp_path: Path) -> None:
    port = int(redis_url.split(":")[2].split("/")[0])
    said = _run_until_it_dies(redis_server(LocalSettings(data_dir=tmp_path, redis_port=port)))
    assert f"{port} (BUZZWATCH_LOCAL__REDIS_PORT)" in said


@pytest.mark.slow
def test_a_broker_that_lost_the_race_for_its_port_says_so(kafka_servers: str, tmp_path: Path) -> None:
    port = int(kafka_servers.split(":")[1])
    [controller] = free_ports(1)
    local = LocalSettings(data_dir=tmp_path, kafka_port=port, kafka_controller_port=controller)
    assert f"{port} (BUZZWATCH_LOCAL__KAFKA_PORT)" in _run_until_it_dies(kafka_server(local))
