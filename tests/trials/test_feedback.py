"""Feedback as other programs send it, on a running stack: every codec, odd headers, aborted transactions, replays."""

from __future__ import annotations

import json
import time
import uuid
from typing import Any

import pytest
from confluent_kafka import Producer
from kafka import KafkaProducer

from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from stream.kafka.topic_reader import follow
from tests.stack import RunningStack
from tests.topic_configs import set_topic_config
from tests.waiting import until

CODECS = ("gzip", "snappy", "lz4", "zstd")


class _RawName(str):
    """A header name that kafka-python sends as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        return b"\xff\xfe"


def judgement(version: str, *, correct: bool = True, **changes: Any) -> bytes:
    body = {
        "feedback_id": str(uuid.uuid4()),
        "prediction_id": str(uuid.uuid4()),
        "predicted": "negative",
        "correct": correct,
        "model_version": version,
    }
    return json.dumps(body | changes).encode()


def own_version(stack: RunningStack) -> str:
    """A version that nobody else judges; it has served, as a worker notes it."""
    version = f"trial-{uuid.uuid4().hex[:8]}"
    with connect(stack.settings) as client:
        client.hset(AlertKeys(stack.settings.redis.prefix).serving, version, "0")
    return version


def send(stack: RunningStack, values: list[bytes], **properties: Any) -> None:
    producer = Producer(stack.settings.kafka.librdkafka_producer() | {"linger.ms": 50} | properties)
    for value in values:
        producer.produce(stack.settings.kafka.topics.feedback, value, b"k")
    assert producer.flush(60) == 0


def judged(stack: RunningStack, version: str) -> tuple[int, int]:
    """Right and wrong judgements of a version, as REST says."""
    versions = stack.client.get("/stats").json()["judgements"]
    found = [one for one in versions if one["model_version"] == version]
    return (found[0]["right"], found[0]["wrong"]) if found else (0, 0)


def wait_judged(stack: RunningStack, version: str, right: int, wrong: int = 0) -> None:
    until(lambda: judged(stack, version) == (right, wrong), said=lambda: f"{judged(stack, version)} {stack.said()}")


@pytest.mark.parametrize("codec", CODECS)
def test_feedback_is_judged_whatever_its_batch_is_packed_with(stack: RunningStack, codec: str) -> None:
    version = own_version(stack)
    send(stack, [judgement(version) for _ in range(30)], **{"compression.type": codec})
    wait_judged(stack, version, 30)


def test_feedback_of_rest_is_judged_where_the_topic_packs_with_zstd(stack: RunningStack) -> None:
    _compress(stack, "zstd")
    try:
        version = own_version(stack)
        answer = stack.client.post("/feedback", json=json.loads(judgement(version)))
        assert answer.status_code == 202, answer.text
        wait_judged(stack, version, 1)
    finally:
        _compress(stack, "producer")


def _compress(stack: RunningStack, codec: str) -> None:
    kafka = stack.settings.kafka
    set_topic_config(kafka.bootstrap_servers, [kafka.topics.feedback], {"compression.type": codec})


def test_a_header_name_that_is_no_utf8_blocks_nobody(stack: RunningStack) -> None:
    version = own_version(stack)
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka.bootstrap_servers)
    topic, headers = stack.settings.kafka.topics.feedback, [(_RawName("x"), b"v")]
    refused = judgement(version, note=version, model_version=7)
    for value in (judgement(version), refused, judgement(version)):
        producer.send(topic, value, b"k", headers=headers).get(60)
    producer.close()
    wait_judged(stack, version, 2)
    assert refused in stack.dead()


def test_an_aborted_transaction_counts_nothing_and_an_open_one_is_no_standstill(stack: RunningStack) -> None:
    version = own_version(stack)
    producer = Producer(
        stack.settings.kafka.librdkafka_producer() | {"transactional.id": version, "transaction.timeout.ms": 600_000}
    )
    producer.init_transactions(60)
    producer.begin_transaction()
    for _ in range(3):
        producer.produce(stack.settings.kafka.topics.feedback, judgement(version, correct=False))
    assert producer.flush(60) == 0
    time.sleep(2)
    port = stack.environment["BUZZWATCH_WORKER__WEB_PORT"]
    metrics = f"http://127.0.0.1:{port}/metrics"  # of the feedback of other trials, too, which may still be judged
    until(lambda: "buzzwatch_feedback_lag_records 0.0" in stack.client.get(metrics).text, said=stack.said)
    producer.abort_transaction(60)
    send(stack, [judgement(version)])
    wait_judged(stack, version, 1)
    assert f'"{version}"' not in stack.run("alerts", "list", "--all", "--format", "json").stdout.decode()


@pytest.mark.parametrize("codec", CODECS)
def test_refused_feedback_is_replayed_whatever_it_was_packed_with(stack: RunningStack, codec: str) -> None:
    note = own_version(stack)
    bad = [judgement(note, model_version=1, note=f"{note}-{number}") for number in range(2)]
    send(stack, bad, **{"compression.type": codec})
    until(lambda: set(bad) <= set(stack.dead()), said=stack.said)
    done = stack.run("dlq", "replay", "--error-class", "InvalidFeedback")
    assert b"replayed" in done.stdout + done.stderr
    # It is refused again, once, with one attempt more.
    until(lambda: [stack.dead().count(value) for value in bad] == [2, 2], said=stack.said)
    topic = stack.settings.kafka.topics.dead_letters
    letters = [
        dict(record.headers() or [])["attempts"]
        for record in follow(stack.settings, topic, from_beginning=True, until_end=True)
        if record.value() in bad
    ]
    assert sorted(map(str, letters)) == ["b'1'", "b'1'", "b'2'", "b'2'"]


def test_dates_that_no_clock_has_are_judged_now(stack: RunningStack) -> None:
    version = own_version(stack)
    producer = KafkaProducer(bootstrap_servers=stack.settings.kafka.bootstrap_servers)
    for stamp in (-1, 0, 1_000_000):
        producer.send(stack.settings.kafka.topics.feedback, judgement(version), timestamp_ms=stamp).get(60)
    producer.close()
    wait_judged(stack, version, 3)


def test_three_judgements_of_an_invented_version_fire_nothing_by_either_door(stack: RunningStack) -> None:
    version = f"trial-{uuid.uuid4().hex[:8]}"
    refused = stack.client.post("/feedback", json=json.loads(judgement(version, correct=False)))
    assert refused.status_code == 422
    assert "never served" in refused.json()["detail"]
    invented = [judgement(version, correct=False) for _ in range(3)]
    send(stack, invented)
    until(lambda: set(invented) <= set(stack.dead()), said=stack.said)
    assert judged(stack, version) == (0, 0)
    assert f'"{version}"' not in stack.run("alerts", "list", "--all", "--format", "json").stdout.decode()
