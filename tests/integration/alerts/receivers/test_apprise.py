from __future__ import annotations

import email
import email.policy
import json
import socket
from collections.abc import Iterator
from email.message import EmailMessage
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message

from alerts.grouping.payload import render
from alerts.outbox.store import Outbox
from alerts.receivers.apprise_client import send
from alerts.receivers.transport.result import DeliveryResult
from alerts.state.alert import Alert, Transition
from alerts.storage.connection import connect
from contracts.rules.schema import Apprise
from contracts.settings import Settings
from tests.fakes import Receiver
from tests.integration.alerts.notifications import changes, delivering, put
from tests.servers import free_ports
from tests.unit.alerts.notifications import notification_of
from tests.waiting import until

LOOPBACK = (ip_network("127.0.0.0/8"),)
ALERT = Alert(
    "bad_buzz",
    "00000000000000ff",
    {"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis"},
    {
        "summary": "Bad buzz about air-paradis: 83% of 60 tweets are negative",
        "description": "30% are usual",
        "top_themes": "baggage (40)",
        "sample_1": "no suitcase at the carousel",
    },
    starts_at_ms=1_790_000_000_000,
    value=0.8,
)
BODY: dict[str, Any] = json.loads(render(notification_of("mail", Transition("firing", ALERT))))


class Mailbox(Message):
    def __init__(self) -> None:
        super().__init__()
        self.mails: list[EmailMessage] = []

    def prepare_message(self, session: Any, envelope: Any) -> EmailMessage:
        return email.message_from_bytes(envelope.content, policy=email.policy.default)

    def handle_message(self, message: Any) -> None:
        self.mails.append(message)


@pytest.fixture
def mailbox() -> Iterator[tuple[Mailbox, str]]:
    """A real SMTP server, and Apprise's address of it."""
    box = Mailbox()
    (port,) = free_ports(1)
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    url = f"mailto://127.0.0.1:{port}?from=buzzwatch@air-paradis.example&to=desk@air-paradis.example&mode=insecure"
    yield box, url
    server.stop()


def said_by(url: str, allowed: Any = LOOPBACK) -> DeliveryResult:
    return send(Apprise(name="mail", kind="apprise", url=url), BODY, allowed, timeout_s=60)


def test_an_alert_comes_as_a_mail_that_explains_itself_and_then_its_end(
    settings: Settings, mailbox: tuple[Mailbox, str], tmp_path: Path
) -> None:
    settings.alerts.delivery_timeout_s = 60
    box, url = mailbox
    addresses = tmp_path / "urls"
    addresses.write_text(f"# who is told\n{url}\n")
    put(settings, 0, *changes())
    outbox = Outbox(connect(settings), settings)
    with delivering(settings, Apprise(name="team", kind="apprise", url_file=addresses)):
        until(lambda: len(box.mails) == 2)
        until(lambda: outbox.waiting() == [])
    assert [str(mail["subject"]) for mail in box.mails] == ["[FIRING] BadBuzz", "[RESOLVED] BadBuzz"]
    assert said_by(url) == DeliveryResult("delivered", "sent by Apprise to 1 address")
    mail = box.mails[-1]
    assert mail["to"] == "desk@air-paradis.example"
    assert mail["subject"] == "[FIRING] Bad buzz about air-paradis: 83% of 60 tweets are negative"
    text = "".join(str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text")
    for part in (
        "30% are usual",
        "Themes: baggage (40)",
        "“no suitcase at the carousel”",
        "http://127.0.0.1:8000/alerts",
    ):
        assert part in text


def test_a_mail_server_at_a_private_address_is_refused_unless_allowed(mailbox: tuple[Mailbox, str]) -> None:
    box, url = mailbox
    answer = said_by(url, allowed=())
    assert answer.outcome == "failed"
    assert "127.0.0.1 is no public address; allow it with BUZZWATCH_ALERTS__ALLOWED_NETWORKS" in answer.detail
    assert box.mails == []


def test_a_redirect_to_an_address_that_is_not_allowed_is_not_followed() -> None:
    receiver = Receiver()
    with socket.create_server(("127.0.0.2", 0)) as elsewhere:
        elsewhere.settimeout(0)
        receiver.redirect = f"http://127.0.0.2:{elsewhere.getsockname()[1]}/"
        answer = said_by(receiver.url.replace("http://", "json://"), allowed=[ip_network("127.0.0.1")])
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    receiver.close()
    assert answer.outcome == "failed"
    assert "127.0.0.2 is no public address" in answer.detail


def test_datagrams_are_checked_too() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as log:
        log.bind(("127.0.0.1", 0))
        log.settimeout(60)
        url = f"rsyslog://127.0.0.1:{log.getsockname()[1]}"
        refused = said_by(url, allowed=())
        assert said_by(url).outcome == "delivered"
        assert b"Bad buzz about air-paradis" in log.recv(65_536)
    assert refused.outcome == "failed"
    assert "127.0.0.1 is no public address" in refused.detail


def test_what_went_wrong_is_said_without_passwords() -> None:
    receiver = Receiver()
    url = receiver.url.replace("http://", "json://somebody:s3cret-password@")
    answer = said_by(url)  # unsigned: 401
    receiver.close()
    assert answer.outcome == "failed"
    assert "401" in answer.detail
    assert "s3cret" not in answer.detail
    unknown = said_by("nothing-like-this://s3cret-token")
    assert unknown.outcome == "failed"
    assert "s3cret" not in unknown.detail


def test_one_of_two_that_fails_is_counted(mailbox: tuple[Mailbox, str], tmp_path: Path) -> None:
    box, url = mailbox
    (nobody,) = free_ports(1)
    addresses = tmp_path / "urls"
    addresses.write_text(f"{url}\njson://127.0.0.1:{nobody}/\n")
    answer = send(Apprise(name="mail", kind="apprise", url_file=addresses), BODY, LOOPBACK, timeout_s=60)
    assert answer.outcome == "failed"
    assert answer.detail.startswith("1 of 2 failed: ")
    assert len(box.mails) == 1


def test_a_server_that_hangs_ends_with_the_attempt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"json://127.0.0.1:{silent.getsockname()[1]}/?rto=60"
        answer = send(Apprise(name="slow", kind="apprise", url=url), BODY, LOOPBACK, timeout_s=3)
    assert answer == DeliveryResult("failed", "no answer within 3 s")
