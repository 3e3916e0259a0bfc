from __future__ import annotations

import base64

import pytest

from alerts.receivers import alertmanager
from alerts.receivers.sender import Sender
from alerts.receivers.transport.redaction import secrets_in, secrets_of, without
from alerts.receivers.transport.result import DeliveryResult, of_failure
from contracts.rules.receivers import Alertmanager, AnyReceiver, Apprise, Webhook
from contracts.settings import AlertSettings

KEY = "whsec_" + base64.b64encode(b"hunter22" * 4).decode()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("slack://bot@T1JJ3T3L2/A1BRTD4JD/hunter22/#general", "the token hunter22 of T1JJ3T3L2 is bad"),
        ("slack://T1JJ3T3L2/A1BRTD4JD/hunter22 b", "an invalid token (hunter22 b)"),
        ("mailtos://me@mail.example.org?user=me&pass=hunter22", "mail.example.org refused hunter22"),
        ("mailtos://me:hunter22@mail.example.org:587/?mode=ssl", "mail.example.org:587 refused hunter22"),
        ("mailtos://me:hunter%4022@mail.example.org", "mail.example.org refused hunter@22 (hunter%4022)"),
        ("json://me:h:u@nter22@127.0.0.1/hunter22", "h:u@nter22 at 127.0.0.1, hunter22"),
        ("pagerduty://integration@hunter22", "no such key: HUNTER22"),
        ("pbul://o.hunter22", "no such key: o.hunter22"),
    ],
)
def test_tokens_of_an_address_are_hidden_wherever_they_stand_and_its_host_is_not(url: str, said: str) -> None:
    shown = without(said, secrets_in(url))
    for secret in ("hunter", "nter22", "T1JJ3T3L2"):
        assert secret not in shown.lower()
    for host in ("mail.example.org", "127.0.0.1"):
        assert (host in shown) == (host in said)


@pytest.mark.parametrize(
    "receiver",
    [
        Webhook(name="w", url="https://me:pass-of-url@a.example/", secrets=(KEY,)),
        Alertmanager(name="a", kind="alertmanager", url="https://a.example", bearer_token="hunter22"),
        Alertmanager(name="a", kind="alertmanager", url="https://a.example", username="me", password="hunter22"),
        Apprise(name="c", kind="apprise", url="slack://A1BRTD4JD/hunter22"),
    ],
)
def test_a_failure_is_told_without_the_secrets_of_the_receiver(receiver: AnyReceiver) -> None:
    secret = KEY if isinstance(receiver, Webhook) else "hunter22"
    failure = ValueError(f"Illegal header value b'Bearer {secret}\\n' pass-of-url {'x' * 400}")
    said = of_failure(failure, secrets_of(receiver)).detail
    assert said.startswith("ValueError: Illegal header value b'Bearer …")
    assert len(said) == 300
    assert ("pass-of-url" in said) != isinstance(receiver, Webhook)


def test_whatever_fails_in_an_attempt_is_told_without_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: object, receiver: Alertmanager, *__: object) -> DeliveryResult:
        raise ValueError(f"Illegal header value b'Bearer {receiver.bearer_token}'")

    monkeypatch.setattr(alertmanager, "post", fails)
    receiver = Alertmanager(name="a", kind="alertmanager", url="https://a.example", bearer_token="hunter22")
    sending = Sender(AlertSettings(), lambda: 0)
    assert sending.hand_over(receiver, []) == DeliveryResult("failed", "ValueError: Illegal header value b'Bearer …'")
    sending.close()


def test_a_long_secret_is_not_cut_before_it_is_found() -> None:
    token = "hunter22" * 100
    receiver = Alertmanager(name="a", kind="alertmanager", url="https://a.example", bearer_token=token)
    assert "hunter22" not in of_failure(ValueError(f"Illegal header value {token}"), secrets_of(receiver)).detail
