from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.receivers.transport.allowed_addresses import RefusedAddressError
from alerts.receivers.transport.http_client import guarded_client
from tests.fakes import Receiver

LOOPBACK = (ip_network("127.0.0.0/8"),)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    one = Receiver()
    yield one
    one.close()


class Names:
    """A resolver whose answers change, as those of an attacker's name server do."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        address = host
        if not host[0].isdigit():
            address = self.answers[min(self.asked, len(self.answers) - 1)]
            self.asked += 1
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0.0.0.0", "[::ffff:127.0.0.1]", "2130706433", "127.1"])
def test_however_this_machine_is_written_it_is_refused(receiver: Receiver, host: str) -> None:
    port = receiver.url.split(":")[2].split("/")[0]
    with guarded_client((), 2) as client, pytest.raises(RefusedAddressError, match="ALLOWED_NETWORKS"):
        client.post(f"http://{host}:{port}/hook")
    assert receiver.posts == []
    assert receiver.forged == 0  # it never came


def test_an_allowed_network_is_reached(receiver: Receiver) -> None:
    with guarded_client(LOOPBACK, 2) as client:
        assert client.post(receiver.url, content=b"{}").status_code == 401


def test_a_name_is_resolved_once_and_connected_where_it_was_checked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = Names("127.0.0.1", "10.255.255.1")
    port = receiver.url.split(":")[2].split("/")[0]
    monkeypatch.setattr(socket, "getaddrinfo", names)
    with guarded_client(LOOPBACK, 2) as client:
        assert client.post(f"http://hooks.example.org:{port}/hook", content=b"{}").status_code == 401
    assert names.asked == 1


def test_a_public_name_that_means_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names("169.254.169.254"))
    with (
        guarded_client(LOOPBACK, 2) as client,
        pytest.raises(RefusedAddressError, match=r"hooks\.example\.org at 169\.254\.169\.254"),
    ):
        client.post("http://hooks.example.org/latest/meta-data")


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server's side of TLS, with a certificate that it has signed itself (`folder/cert.pem`)."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    wanted = ["-keyout", key, "-out", cert, "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *map(str, wanted)]
    subprocess.run(make, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


def test_tls_asks_for_the_certificate_of_the_name_and_takes_an_authority_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    receiver = Receiver(tls=certificate(tmp_path, "hooks.example.org"))
    port = httpx.URL(receiver.url).port
    monkeypatch.setattr(socket, "getaddrinfo", Names("127.0.0.1"))
    with guarded_client(LOOPBACK, 2) as client, pytest.raises(httpx.ConnectError, match=r"self.signed"):
        client.post(f"https://hooks.example.org:{port}/hook", content=b"{}")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    with guarded_client(LOOPBACK, 2) as client:
        assert client.post(f"https://hooks.example.org:{port}/hook", content=b"{}").status_code == 401
        with pytest.raises(httpx.ConnectError, match="mismatch"):
            client.post(f"https://other.example.org:{port}/hook", content=b"{}")
    receiver.close()


def test_redirects_are_not_followed(receiver: Receiver) -> None:
    other = Receiver("other")
    try:
        with guarded_client(LOOPBACK, 2) as client:
            receiver.redirect = other.url
            assert client.post(receiver.url, content=b"{}").status_code == 307
        assert other.forged == 0
    finally:
        other.close()


def test_a_name_that_does_not_exist_is_one_line() -> None:
    with guarded_client((), 2) as client, pytest.raises(httpx.ConnectError, match="cannot be resolved"):
        client.post("http://no-such-host.invalid/")


@pytest.fixture
def answering() -> Iterator[Callable[[bytes], str]]:
    """Serves the same bytes to whoever connects, then hangs up; without bytes it never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer(content: bytes) -> str:
            def serve() -> None:
                with suppress(OSError):
                    connection, _ = server.accept()
                    with connection:
                        asked = b""
                        while not asked.endswith(b"{}"):  # what is left unread makes the system reset the connection
                            asked += connection.recv(65536)
                        connection.sendall(content)
                        while not content and connection.recv(4096):
                            pass  # until the client leaves

            threading.Thread(target=serve, daemon=True).start()
            return f"http://127.0.0.1:{server.getsockname()[1]}/hook"

        yield answer


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", httpx.ReadTimeout),
        (b"this is no HTTP\r\n\r\n", httpx.RemoteProtocolError),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", httpx.RemoteProtocolError),
    ],
)
def test_answers_that_go_wrong_are_errors_of_httpx(
    answering: Callable[[bytes], str], content: bytes, error: type[httpx.HTTPError]
) -> None:
    with guarded_client(LOOPBACK, 0.5) as client, pytest.raises(error):
        client.post(answering(content), content=b"{}")
