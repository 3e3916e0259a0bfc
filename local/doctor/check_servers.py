"""The doctor's look at Kafka, its topics, Redis and MLflow, ours or somebody else's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import httpx
import redis
from kafka import KafkaAdminClient

from alerts.storage.connection import connect
from alerts.storage.redis_health import WriteProbe, shown_address, trouble_of
from alerts.storage.state_version import unknown_state
from contracts.settings import Settings
from local.doctor.findings import Finding
from local.topics import TopicState, admin, describe_topics, errors_in_one_line
from models.registry.health import ask_version

_PATIENCE_S = 5.0
_COPIES = 3
"""With so many, one broker may die while another is restarted, and what was acknowledged is still there."""
_ALTER = "kafka-configs --alter --add-config, or delete the topic and run `buzzwatch topics create`"


def check_kafka(settings: Settings) -> Finding:
    """Reachable, and new enough for transactions that fence by consumer group (KIP-447: 2.5)."""
    with errors_in_one_line(settings.kafka):
        admin(settings.kafka).list_topics(timeout=_PATIENCE_S)
    # Only kafka-python reports the version. It is asked second: when nobody answers it leaves its sockets open.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    servers = settings.kafka.bootstrap_servers
    client = KafkaAdminClient(**settings.kafka.kafka_python(), request_timeout_ms=10_000)
    try:
        brokers = client.describe_cluster()["brokers"]
        data = client.get_broker_version_data(brokers[0]["broker_id"])
        version = ".".join(str(part) for part in data.broker_version)
        if tuple(data.broker_version) < (2, 5):
            return Finding.broken("exactly-once needs Kafka 2.5 or newer", version, "upgrade the brokers")
        return Finding.fine(f"{servers}, {len(brokers)} broker{'s'[: len(brokers) > 1]}", version)
    finally:
        client.close()


def check_topics(settings: Settings) -> Finding:
    """All there, partitions, size limits and retention as stated, dead letters roomier than tweets."""
    states = describe_topics(settings, timeout_s=_PATIENCE_S)
    missing = [state.expected.name for state in states if state.state == "missing"]
    if missing:
        return Finding.broken(f"missing: {', '.join(missing)}", remedy="buzzwatch topics create")
    room = {state.expected.name: int(state.config["max.message.bytes"]) for state in states}
    names = settings.kafka.topics
    expected = {state.expected.name: state.expected.max_message_bytes for state in states}
    needed = room[names.tweets] + expected[names.dead_letters] - expected[names.tweets]
    if room[names.dead_letters] < needed:
        return Finding.broken(
            f"{names.dead_letters} takes {room[names.dead_letters]:,} bytes; a tweet of {room[names.tweets]:,} bytes "
            f"with its headers needs {needed:,}, and would block its partition",
            remedy=f"raise max.message.bytes of {names.dead_letters} to {needed}: {_ALTER}",
        )
    [feedback] = [state for state in states if state.expected.name == names.feedback]
    if feedback.partitions != 1:
        detail = (
            f"{names.feedback} has {feedback.partitions} partitions: each is judged in its own order, and "
            '"three in a row" goes over all of them as they come'
        )
        return Finding.doubtful(
            detail, remedy="if that is not meant: delete the topic and run `buzzwatch topics create`"
        )
    if few := few_copies(states, len(admin(settings.kafka).list_topics(timeout=_PATIENCE_S).brokers)):
        return Finding.doubtful(few, remedy=f"kafka-reassign-partitions makes copies; for the rest {_ALTER}")
    differences = [f"{state.expected.name}: {text}" for state in states for text in state.differences]
    if differences:
        return Finding.doubtful("; ".join(differences), remedy=f"if that is not meant: {_ALTER}")
    return Finding.fine(", ".join(f"{state.expected.name} ({state.partitions})" for state in states))


def few_copies(states: Sequence[TopicState], brokers: int) -> str:
    """What is lost with one broker of a cluster, or stands still without it; empty where nothing is."""
    if brokers < _COPIES:
        return ""
    lost = [state.expected.name for state in states if 0 < state.copies < _COPIES]
    unsafe = [state.expected.name for state in states if state.copies >= _COPIES and state.in_sync < _COPIES - 1]
    stuck = [state.expected.name for state in states if state.copies >= _COPIES and state.in_sync >= state.copies]
    said = {
        f"fewer than {_COPIES} copies on {brokers} brokers, so that one that is lost takes records along": lost,
        f"min.insync.replicas below {_COPIES - 1}, so that what one broker alone has is acknowledged": unsafe,
        "min.insync.replicas as high as copies, so that nothing can be written while one broker is away": stuck,
    }
    return "; ".join(f"{', '.join(names)}: {what}" for what, names in said.items() if names)


def check_redis(settings: Settings) -> Finding:
    """Takes writes, evicting nothing, appending every write to a file; Lua scripts need 7.0."""
    shown = shown_address(settings.redis)
    with connect(settings) as client:
        trouble = WriteProbe(client, settings).trouble()
        try:
            info: dict[str, Any] = client.info()
            other = unknown_state(client, settings)
        except redis.RedisError as error:
            trouble = trouble or trouble_of(error, settings.redis)
    if trouble is not None:
        return Finding.broken(f"{shown} {trouble.what}", remedy=trouble.remedy)
    if other is not None:
        return Finding.broken(other[0], str(info["redis_version"]), other[1])
    version = str(info["redis_version"])
    if int(version.split(".")[0]) < 7:
        return Finding.broken("Redis 7 or newer is needed", version, "upgrade Redis")
    if info["maxmemory_policy"] != "noeviction":
        return Finding.broken(
            f"maxmemory-policy is {info['maxmemory_policy']}: a full Redis would drop counts and alerts",
            version,
            "CONFIG SET maxmemory-policy noeviction, and in redis.conf",
        )
    if not info["aof_enabled"]:
        return Finding.doubtful(
            "appendonly is off: a restart loses what the last snapshot lacks (counts are read again from Kafka, "
            "the outbox is not)",
            version,
            "CONFIG SET appendonly yes, and in redis.conf",
        )
    return Finding.fine(shown, version)


def check_mlflow(settings: Settings) -> Finding:
    """Reachable, and the alias that serves names a version."""
    mlflow = settings.mlflow
    version = ask_version(mlflow, timeout_s=mlflow.timeout_s)
    if not isinstance(version, str):
        return Finding.broken(f"{mlflow.tracking_uri} {version.what}", remedy=version.remedy)
    with httpx.Client(base_url=mlflow.tracking_uri, timeout=mlflow.timeout_s, trust_env=False) as client:
        path = "/api/2.0/mlflow/registered-models/alias"
        try:
            answer = client.get(path, params={"name": mlflow.model_name, "alias": mlflow.alias})
        except httpx.HTTPError as error:
            return Finding.broken(f"{mlflow.tracking_uri} does not answer ({error})", version)
    if not answer.is_success:
        return Finding.broken(
            f"{mlflow.tracking_uri} has no {mlflow.model_name}@{mlflow.alias}",
            version,
            "buzzwatch train linear --register, or buzzwatch models promote",
        )
    served = answer.json()["model_version"]["version"]
    return Finding.fine(f"{mlflow.tracking_uri}, {mlflow.model_name}@{mlflow.alias} is version {served}", version)
