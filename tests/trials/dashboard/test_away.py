"""What the pages say while Redis, Kafka or the server itself is away; by `buzzwatch dashboard`, beside the stack."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from tests.servers import free_ports
from tests.stack import RunningStack
from tests.trials.dashboard.conftest import OpenPage, until


class Rooms:
    """`buzzwatch dashboard`, whose Redis and Kafka are the stack's behind forwarders that can be cut."""

    def __init__(self, stack: RunningStack, log: Path) -> None:
        self.port, redis = free_ports(2)
        self.redis = Forwarder(redis, int(stack.settings.redis.url.rpartition(":")[2].partition("/")[0]))
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = log
        self._environment = {
            **stack.environment,
            "BUZZWATCH_REDIS__URL": f"redis://127.0.0.1:{redis}/0",
            "BUZZWATCH_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:1",  # nobody listens there
            "BUZZWATCH_MLFLOW__TRACKING_URI": stack.settings.mlflow.tracking_uri,
        }
        self.start()

    def start(self) -> None:
        command = [str(Path(sys.executable).with_name("buzzwatch")), "dashboard", "--port", str(self.port)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(command, env=self._environment, stdout=log, stderr=subprocess.STDOUT)
        until(self._answers, "the pages are not served", 240)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def _answers(self) -> bool:
        assert self.process.poll() is None, self._log.read_text()
        try:
            return httpx.get(f"{self.url}/livez", trust_env=False, timeout=5).is_success
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
def rooms(stack: RunningStack, tmp_path: Path) -> Iterator[Rooms]:
    rooms = Rooms(stack, tmp_path / "dashboard.log")
    yield rooms
    rooms.kill()
    rooms.redis.cut()


def test_the_page_says_what_is_away_and_recovers_by_itself(open_page: OpenPage, rooms: Rooms) -> None:
    page = open_page(base=rooms.url)
    expect(page.locator("#stream")).to_have_attribute("data-state", "live")
    expect(page.locator("#trouble")).to_contain_text("Kafka does not answer: no new tweets are shown")
    expect(page.locator(".card").first).to_be_visible()  # what Redis holds is shown all the same

    rooms.redis.cut()
    expect(page.locator("#trouble")).to_contain_text("counters and alerts stand still")
    beside = open_page("/room/alerts", base=rooms.url)
    expect(beside.locator(".problem")).to_contain_text("counters and alerts cannot be shown")
    threading.Timer(1.0, rooms.redis.restore).start()
    expect(page.locator("#trouble")).not_to_contain_text("stand still")
    expect(beside.locator("#opened-title")).to_be_visible()  # it has tried again by itself

    rooms.kill()
    expect(page.locator("#stream")).to_have_attribute("data-state", "lost")
    expect(page.locator("#stream")).to_contain_text("connection lost")
    rooms.start()
    expect(page.locator("#stream")).to_have_attribute("data-state", "live")
