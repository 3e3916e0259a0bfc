"""What the pages say while Redis, Kafka or the server itself is away; by `buzzwatch dashboard`, beside the stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from confluent_kafka import Producer
from msgspec.structs import replace
from playwright.sync_api import expect

from contracts.settings import KafkaSettings, Settings
from contracts.times import clock_ms, to_rfc3339
from local.topics import create_topics
from tests.servers import RunningServer, free_ports
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage
from tests.unit.dashboard.test_picking import prediction
from tests.waiting import until


class Rooms:
    """`buzzwatch dashboard`, whose Redis is the stack's behind a forwarder that can be cut, and whose Kafka can be
    killed."""

    def __init__(self, stack: RunningStack, kafka: str, log: Path) -> None:
        self.port, redis = free_ports(2)
        self.redis = Forwarder(redis, int(stack.settings.redis.url.rpartition(":")[2].partition("/")[0]))
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        environment = {
            **stack.environment,
            "BUZZWATCH_REDIS__URL": f"redis://127.0.0.1:{redis}/0",
            "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": kafka,
            "BUZZWATCH_MLFLOW__TRACKING_URI": stack.settings.mlflow.tracking_uri,
        }
        command = [str(Path(sys.executable).with_name("buzzwatch")), "dashboard", "--port", str(self.port)]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, env=environment, stdout=file, stderr=subprocess.STDOUT)
        until(self._answers, said=log.read_text)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False, timeout=60).is_success
        except httpx.HTTPError:
            return False


class Forwarder:
    """socat-like: a port that leads to another one, until it is cut."""

    def __init__(self, port: int, to: int) -> None:
        self._command = [sys.executable, "-c", _FORWARD, str(port), str(to)]
        self.restore()

    def cut(self) -> None:
        os.kill(self._process.pid, signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def restore(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        assert self._process.stdout.readline()


_FORWARD = """
import asyncio, sys
async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()
async def joined(reader, writer):
    to = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(copy(reader, to[1]), copy(to[0], writer))
async def main():
    server = await asyncio.start_server(joined, "127.0.0.1", int(sys.argv[1]))
    print("ready", flush=True)
    await server.serve_forever()
asyncio.run(main())
"""


@pytest.fixture
def rooms(stack: RunningStack, own_kafka: RunningServer, tmp_path: Path) -> Iterator[Rooms]:
    create_topics(Settings(kafka=KafkaSettings(bootstrap_servers=own_kafka.address)))
    rooms = Rooms(stack, own_kafka.address, tmp_path / "dashboard.log")
    yield rooms
    rooms.kill()
    rooms.redis.cut()


def scored(kafka: RunningServer, text: str) -> None:
    """A prediction about a tweet of now, as a worker writes it."""
    settings = KafkaSettings(bootstrap_servers=kafka.address)
    now = to_rfc3339(clock_ms())
    event = replace(prediction(uuid.uuid4().int, text), created_at=now, scored_at=now)
    producer = Producer(settings.librdkafka_producer())
    producer.produce(settings.topics.scored, msgspec.json.encode(event))
    assert producer.flush(60) == 0


def test_the_page_says_what_is_away_and_recovers_by_itself(
    open_page: OpenPage, rooms: Rooms, own_kafka: RunningServer
) -> None:
    page = open_page(base=rooms.url, locale="fr-FR")
    live, trouble, feed = page.locator("#stream[data-state=live]"), page.locator("#trouble"), page.locator("#rows ol")

    def shows(text: str) -> bool:
        scored(own_kafka, text)
        return feed.locator("li", has_text=text).count() > 0

    def seen(text: str) -> None:
        # Reading begins at the end of the topic: what was sent before that is nobody's.
        until(lambda: shows(text), said=lambda: f"no row with {text}")

    expect(live).to_be_visible()
    seen("my bag before Kafka died")
    own_kafka.kill()
    expect(trouble).to_contain_text("Kafka ne répond pas : aucun nouveau tweet n'est montré")
    expect(feed).to_contain_text("my bag before Kafka died")
    expect(live).to_be_visible()  # what Redis holds goes on
    own_kafka.start()
    expect(trouble).to_have_count(0)
    seen("my bag after Kafka came back")

    rooms.redis.cut()
    expect(trouble).to_contain_text("compteurs et alertes sont figés")
    beside = open_page("/room/alerts", base=rooms.url)
    expect(beside.locator(".problem")).to_contain_text("counters and alerts cannot be shown")
    threading.Timer(1.0, rooms.redis.restore).start()
    expect(trouble).to_have_count(0)
    expect(beside.locator("#opened-title")).to_be_visible()  # it has tried again by itself

    rooms.kill()  # that a page comes back from this is tested by `test_review.py`
    expect(page.locator("#stream")).to_have_attribute("data-state", "lost")
    expect(page.locator("#stream")).to_contain_text("connexion perdue")
