"""The examples for other languages, run as their pages say: consumers against Kafka, receivers against the sender."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from alerts.grouping.sample import sample
from alerts.receivers.sender import Sender
from contracts.rules.receivers import Webhook
from contracts.settings import ROOT, AlertSettings
from contracts.times import clock_ms
from tests.conftest import LOOPBACK
from tests.fakes import SECRET

EXAMPLES = ROOT / "examples"
_PREDICTION = {
    "sentiment": "negative",
    "confidence": 0.93,
    "scores": {"negative": 0.93, "neutral": 0.05, "positive": 0.02},
    "watches": ["air-paradis"],
    "themes": ["baggage"],
    "model": {"name": "sentiment", "version": "7"},
    "text": "@user lost my bag ✈",
    "lang": "en",
    "created_at": "2026-11-20T10:00:00.000Z",
    "scored_at": "2026-11-20T10:00:00.120Z",
}


def _node() -> str:
    """Node that set-up has put into the environment where the system's is missing or too old, or that of the system."""
    found = shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert found, "no node: run `make setup`"
    return found


CONSUMERS: dict[str, Callable[[], list[str]]] = {
    "python": lambda: [sys.executable, str(EXAMPLES / "consumers" / "consumer.py")],
    "java": lambda: [
        "java",
        "-cp",
        str(ROOT / "var" / "kafka-jars" / "*"),
        str(EXAMPLES / "consumers" / "Consumer.java"),
    ],
    "node": lambda: [_node(), str(EXAMPLES / "consumers" / "consumer.mjs")],
}
RECEIVERS: dict[str, Callable[[], list[str]]] = {
    "python": lambda: [sys.executable, str(EXAMPLES / "receivers" / "receiver.py"), "0"],
    "node": lambda: [_node(), str(EXAMPLES / "receivers" / "receiver.mjs"), "0"],
}


class Running:
    """A program whose lines of standard output are read as they come."""

    def __init__(self, command: list[str], **environment: str) -> None:
        self.process = subprocess.Popen(
            command, env=os.environ | environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._stopper = threading.Timer(120, self.process.kill)
        self._stopper.start()

    def line(self) -> str:
        """The next line; fails when the program has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        return line.strip()

    def stop(self) -> tuple[str, str]:
        """SIGTERM, and what else it printed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.communicate(timeout=60)
        finally:
            self._stopper.cancel()
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def scored(kafka_servers: str) -> tuple[str, list[str]]:
    """A topic as a worker leaves it that has aborted a transaction, and the tweet ids of what was committed."""
    topic = f"scored-{uuid.uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": kafka_servers})
    admin.create_topics([NewTopic(topic, num_partitions=1)])[topic].result(60)
    producer = Producer(
        {"bootstrap.servers": kafka_servers, "transactional.id": topic, "compression.type": "lz4", "linger.ms": 20}
    )
    producer.init_transactions(60)
    for number, ends in enumerate(
        (producer.commit_transaction, producer.abort_transaction, producer.commit_transaction)
    ):
        producer.begin_transaction()
        for place in range(3):
            tweet_id = f"{number}{place}"
            prediction = _PREDICTION | {"tweet_id": tweet_id, "prediction_id": str(uuid.uuid4())}
            producer.produce(topic, json.dumps(prediction).encode(), tweet_id.encode())
        assert producer.flush(60) == 0
        ends(60)
    return topic, ["00", "01", "02", "20", "21", "22"]


@pytest.mark.parametrize("language", CONSUMERS)
def test_a_consumer_reads_what_was_committed_and_nothing_else(
    language: str, kafka_servers: str, scored: tuple[str, list[str]]
) -> None:
    topic, committed = scored
    running = Running([*CONSUMERS[language](), kafka_servers, topic, f"{topic}-{language}"])
    lines = [json.loads(running.line()) for _ in committed]
    rest, errors = running.stop()
    assert [line["tweet_id"] for line in lines] == committed, errors
    assert {line["sentiment"] for line in lines} == {"negative"}
    assert lines[0]["watches"] == ["air-paradis"]
    assert rest == ""


@pytest.mark.parametrize("language", RECEIVERS)
def test_a_receiver_prints_what_is_signed_once_and_refuses_what_is_not(language: str) -> None:
    running = Running(RECEIVERS[language](), WEBHOOK_SECRET=SECRET)
    url = running.line().removeprefix("listening on ")
    firing, resolved = sample("team", clock_ms(), watch="air-paradis", external_url="http://127.0.0.1:8000")
    other = f"whsec_{base64.b64encode(bytes(32)).decode()}"
    sender = Sender(AlertSettings(allowed_networks=LOOPBACK), clock_ms)
    try:
        outcomes = [
            sender.attempt(Webhook(name="team", url=url, secret=secret), entry).outcome
            for entry, secret in ((firing, SECRET), (firing, SECRET), (firing, other), (resolved, SECRET))
        ]
    finally:
        sender.close()
    assert outcomes == ["delivered", "delivered", "failed", "delivered"]
    printed = [running.line() for _ in range(3)]
    running.stop()
    assert printed[0].startswith("firing BuzzwatchTest")
    assert printed[1].startswith("refused: ")
    assert printed[2].startswith("resolved BuzzwatchTest")
