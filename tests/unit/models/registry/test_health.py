from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from contracts.settings import MlflowSettings
from models.registry.health import RegistryTrouble, ask_version


class _Server(BaseHTTPRequestHandler):
    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(b"3.17.2\n")

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def ask(address: str) -> str | RegistryTrouble:
    return ask_version(MlflowSettings(tracking_uri=f"http://maya:hush@{address}/"), timeout_s=5)


@pytest.mark.parametrize(
    ("status", "words", "remedy"),
    [
        (401, "refuses the user or password (401)", "BUZZWATCH_MLFLOW__TRACKING_URI"),
        (403, "does not take requests for this host name (403)", "--allowed-hosts"),
        (404, "is no MLflow server (404)", "BUZZWATCH_MLFLOW__TRACKING_URI"),
        (502, "says 502", "log"),
    ],
)
def test_what_is_wrong_with_the_registry_is_said_with_what_to_do(
    address: str, monkeypatch: pytest.MonkeyPatch, status: int, words: str, remedy: str
) -> None:
    assert ask(address) == "3.17.2"
    monkeypatch.setattr(_Server, "status", status)
    found = ask(address)
    assert isinstance(found, RegistryTrouble)
    assert found.what == words
    assert remedy in found.remedy


def test_a_registry_that_is_away_does_not_answer_and_no_password_is_shown() -> None:
    found = ask("127.0.0.1:1")
    assert isinstance(found, RegistryTrouble)
    assert found.what.startswith("does not answer (")
    assert "hush" not in str(found)
