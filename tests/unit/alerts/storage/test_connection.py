"""A Redis that takes connections and never answers: who waits for it, and who does not."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest
import redis

from alerts.storage.connection import connect
from contracts.settings import RedisSettings, Settings
from tests.waiting import until


class Frozen:
    """A server that gives no answer until `answers` is set; it counts what it is sent."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self.asked = 0
        self.answers = False
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._read, args=(connection,), daemon=True).start()

    def _read(self, connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(4096):
                self.asked += 1
                if self.answers:
                    connection.sendall(b"+OK\r\n" * data.count(b"*"))

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def frozen() -> Iterator[Frozen]:
    server = Frozen()
    yield server
    server.close()


def settings_of(server: Frozen) -> Settings:
    return Settings(redis=RedisSettings(url=f"redis://127.0.0.1:{server.port}/0?protocol=2", timeout_s=0.2))


def test_after_a_time_out_nobody_else_waits_for_a_while(frozen: Frozen) -> None:
    with connect(settings_of(frozen), silent_s=60) as client:
        with pytest.raises(redis.TimeoutError, match="Timeout"):
            client.set("a", "b")
        asked = frozen.asked
        assert asked > 0
        for _ in range(3):
            with pytest.raises(redis.TimeoutError, match="a moment ago"):
                client.set("a", "b")
            with pytest.raises(redis.TimeoutError, match="a moment ago"):
                client.pipeline().set("a", "b").execute()
        assert frozen.asked == asked


def test_when_it_answers_again_it_is_asked_again(frozen: Frozen) -> None:
    with connect(settings_of(frozen), silent_s=0.05) as client:
        with pytest.raises(redis.TimeoutError):
            client.set("a", "b")
        frozen.answers = True

        def answered() -> bool:
            try:
                return bool(client.set("a", "b"))
            except redis.TimeoutError:
                return False

        until(answered)
        assert client.set("a", "b")


def test_who_has_nobody_waiting_sends_a_command_once_more(frozen: Frozen) -> None:
    with connect(settings_of(frozen)) as client:
        for _ in range(2):
            asked = frozen.asked
            with pytest.raises(redis.TimeoutError, match="Timeout"):
                client.set("a", "b")
            assert frozen.asked >= asked + 2
