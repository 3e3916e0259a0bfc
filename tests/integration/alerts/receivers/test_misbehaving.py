"""Receivers that fail in every way: an attempt ends in time, with one line that says why, and nobody else waits."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from alerts.grouping.sample import sample
from alerts.outbox.store import Outbox
from alerts.receivers.sender import Sender
from alerts.receivers.transport.result import DeliveryResult
from alerts.storage.connection import connect
from contracts.rules.schema import Webhook
from contracts.settings import AlertSettings, Settings
from contracts.times import clock_ms
from tests.conftest import LOOPBACK
from tests.fakes import SECRET, Receiver
from tests.integration.alerts.notifications import changes, delivering, put
from tests.waiting import until

TIMEOUT_S = 1.0
"""For those that never answer."""
HEAD = b"HTTP/1.1 "


@contextmanager
def server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Does what it likes with each connection, in a thread; `host:port`."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=misbehave, args=(connection,), daemon=True).start()

    def misbehave(connection: socket.socket) -> None:
        with connection, suppress(OSError):  # the sender gives up
            behave(connection)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)


def attempt(url: str, timeout_s: float = 60) -> DeliveryResult:
    """The answer of the receiver there."""
    sending = Sender(AlertSettings(allowed_networks=LOOPBACK, delivery_timeout_s=timeout_s), clock_ms)
    try:
        entry, _ = sample("team", clock_ms(), watch="acme", external_url="http://127.0.0.1:8000")
        return sending.attempt(Webhook(name="team", url=url, secret=SECRET), entry)
    finally:
        sending.close()


def close_at_once(connection: socket.socket) -> None:
    connection.recv(1)


def talk_nonsense(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")


def drip(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(HEAD + b"200 OK\r\n")
    while True:
        connection.sendall(b"x-more: 1\r\n")
        time.sleep(0.2)


def never_stop(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(HEAD + b"500 Oops\r\ncontent-length: 1000000000000\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65_536)


def say_nothing(connection: socket.socket) -> None:
    time.sleep(5 * TIMEOUT_S)


def reset(connection: socket.socket) -> None:
    connection.recv(1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def talk_as_in_1991(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(b"<html>moved</html>")


def say_continue_for_ever(connection: socket.socket) -> None:
    connection.recv(65_536)
    while True:
        connection.sendall(HEAD + b"100 Continue\r\n\r\n")


def send_a_huge_head(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(HEAD + b"200 OK\r\n" + b"x-more: " + b"x" * 50_000_000 + b"\r\n\r\n")


FAILING = [close_at_once, talk_nonsense, drip, never_stop, say_nothing]
FAILING += [reset, talk_as_in_1991, say_continue_for_ever, send_a_huge_head]


@pytest.mark.parametrize("behave", FAILING)
def test_an_attempt_ends_in_time_and_says_why(behave: Callable[[socket.socket], None]) -> None:
    with server(behave) as place:
        answer = attempt(f"http://{place}/", TIMEOUT_S)
    assert answer.outcome == "failed"
    assert 5 < len(answer.detail) <= 300
    assert "\n" not in answer.detail


def nothing_more(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(HEAD + b"204 No Content\r\n\r\n")


def a_body_that_never_comes(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(HEAD + b"200 OK\r\ncontent-length: 60\r\n\r\n")
    connection.recv(1)  # until the sender has closed


def a_body_without_end(connection: socket.socket) -> None:
    connection.recv(65_536)
    connection.sendall(HEAD + b"200 OK\r\ncontent-encoding: gzip\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + bytes(65_536) + b"\r\n")


@pytest.mark.parametrize("behave", [nothing_more, a_body_that_never_comes, a_body_without_end])
def test_who_accepts_has_the_notification_whatever_body_follows(behave: Callable[[socket.socket], None]) -> None:
    with server(behave) as place:
        answer = attempt(f"http://{place}/", timeout_s=3600)  # whoever reads the body to its end is here for an hour
    assert (answer.outcome, answer.detail[:10]) == ("delivered", "answered 2")


@pytest.mark.parametrize(
    ("asked", "waits_s"), [("3600", 3600), ("9" * 11, 9.9999999999e10), ("9" * 400, None), ("-5", None), ("soon", None)]
)
def test_only_a_pause_that_makes_sense_is_asked_for(asked: str, waits_s: float | None) -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(f"HTTP/1.1 429 No\r\nretry-after: {asked}\r\ncontent-length: 0\r\n\r\n".encode())

    with server(refuse) as place:
        answer = attempt(f"http://{place}/")
    assert (answer.detail, answer.retry_after_s) == ("answered 429", waits_s)


def test_a_receiver_without_a_valid_certificate_gets_nothing() -> None:
    with server(talk_nonsense) as place:
        answer = attempt(f"https://{place}/")
    assert answer.outcome == "failed"
    assert "SSL" in answer.detail


def test_a_reason_is_shown_as_one_printable_line() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(HEAD + b"400 Bad\r\ncontent-length: 24\r\n\r\n\x1b[31mno such\r\nchannel\xff\xfe..\n")

    with server(refuse) as place:
        answer = attempt(f"http://{place}/")
    assert answer.detail.startswith("answered 400: [31mno such channel")
    assert answer.detail.isprintable()


@pytest.mark.parametrize("status", [301, 302, 307])
def test_a_redirect_is_a_failure_that_says_so(status: int) -> None:
    def elsewhere(connection: socket.socket) -> None:
        connection.recv(65_536)
        there = b"location: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n"
        connection.sendall(HEAD + f"{status} There\r\n".encode() + there)

    with server(elsewhere) as place:
        assert attempt(f"http://{place}/").detail == f"answered {status}: redirects are not followed"


def test_compressed_answers_are_not_unpacked() -> None:
    def bomb(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(HEAD + b"500 Bad\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\nboom")

    with server(bomb) as place:
        assert attempt(f"http://{place}/").detail == "answered 500"


def test_an_address_that_is_not_allowed_is_a_failure_like_any_other(settings: Settings) -> None:
    settings.alerts.allowed_networks = ()
    receiver = Receiver()
    outbox = Outbox(connect(settings), settings)
    put(settings, clock_ms(), changes()[0])
    with delivering(settings, Webhook(name="team", url=receiver.url, secret=receiver.secret)):
        until(lambda: any(entry.failures for entry in outbox.waiting()))
    receiver.close()
    (entry,) = outbox.waiting()
    assert "is no public address; allow it with BUZZWATCH_ALERTS__ALLOWED_NETWORKS" in entry.last_error
    assert receiver.posts == []


def test_cloudevents_and_two_secrets_arrive_as_the_receiver_expects(settings: Settings) -> None:
    receiver = Receiver()
    new = "whsec_" + "bmV3" * 8
    put(settings, clock_ms(), *changes())
    hook = Webhook(name="team", url=receiver.url, secrets=(new, receiver.secret), format="cloudevents")
    with delivering(settings, hook):
        firing, resolved = receiver.wait_for(2)
    receiver.close()
    assert receiver.forged == 0
    assert [post.body["type"] for post in (firing, resolved)] == [
        "buzzwatch.alert.firing.v1",
        "buzzwatch.alert.resolved.v1",
    ]
    assert firing.body["id"] == firing.id
    assert firing.body["data"]["alerts"][0]["labels"]["alertname"] == "BadBuzz"
