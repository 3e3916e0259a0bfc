"""A receiver whose TLS cannot be trusted: one line that says what is wrong and what to do, and nothing is posted."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from alerts.grouping.sample import sample
from alerts.receivers.sender import Sender
from alerts.receivers.transport.result import DeliveryResult
from contracts.rules.receivers import Webhook
from contracts.settings import AlertSettings
from contracts.times import clock_ms
from tests.conftest import LOOPBACK
from tests.fakes import SECRET, Receiver

HERE: tuple[x509.GeneralName, ...] = (x509.IPAddress(ip_address("127.0.0.1")),)
ELSEWHERE: tuple[x509.GeneralName, ...] = (x509.DNSName("other.example.org"),)


def certificate(folder: Path, names: tuple[x509.GeneralName, ...], days: tuple[int, int]) -> Path:
    """A certificate that has signed itself, with its key; good between so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "receiver")])
    start, end = (datetime.now(UTC) + timedelta(days=day) for day in days)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), start, end)
    made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    signed = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(key, SHA256())
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = folder / "receiver.pem"
    file.write_bytes(private + signed.public_bytes(Encoding.PEM))
    return file


def attempt(receiver: Receiver) -> DeliveryResult:
    sender = Sender(AlertSettings(allowed_networks=LOOPBACK), clock_ms)
    entry, _ = sample("team", clock_ms(), watch="acme", external_url="http://127.0.0.1:8000")
    try:
        url = receiver.url.replace("http://", "https://")
        return sender.attempt(Webhook(name="team", url=url, secret=SECRET), entry)
    finally:
        sender.close()
        receiver.close()


@pytest.mark.parametrize(
    ("names", "days", "is_known", "detail"),
    [
        (HERE, (-9, -1), True, "certificate has expired: renew it on the receiver"),
        (HERE, (1, 9), True, "certificate is not yet valid: compare the clocks of both machines"),
        (HERE, (-1, 9), False, "self-signed certificate: name your authority with SSL_CERT_FILE, or have it signed by"),
        (ELSEWHERE, (-1, 9), True, "certificate is not valid for '127.0.0.1': post to a name that it has, or have it"),
    ],
)
def test_a_certificate_that_is_refused_is_one_line_with_what_to_do(
    names: tuple[x509.GeneralName, ...],
    days: tuple[int, int],
    is_known: bool,
    detail: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = certificate(tmp_path, names, days)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(file)
    if is_known:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    receiver = Receiver(tls=tls)
    answer = attempt(receiver)
    assert answer.outcome == "failed"
    assert answer.detail.startswith("the receiver's TLS certificate is refused: ")
    assert detail in answer.detail
    assert "\n" not in answer.detail
    assert not receiver.posts


def test_a_receiver_that_speaks_no_tls_is_named_so() -> None:
    answer = attempt(Receiver())
    assert answer.outcome == "failed"
    assert answer.detail.startswith("the receiver speaks no TLS there")
