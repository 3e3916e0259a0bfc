"""Services that Apprise supports, through a child process for each notification (see `apprise_child`)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from alerts.receivers.message import Message, message_of
from alerts.receivers.transport.allowed_addresses import Network
from alerts.receivers.transport.redaction import secrets_in, without
from alerts.receivers.transport.result import DeliveryResult
from contracts.rules.receivers import Apprise

_ROOT: Final = Path(__file__).resolve().parents[2]
_LONGEST: Final = 300


def send(receiver: Apprise, body: Mapping[str, Any], allowed: Sequence[Network], timeout_s: float) -> DeliveryResult:
    """One attempt. With several addresses it fails when one of them fails; the retry then sends to all of them again.

    Raises:
        OSError: the file with the addresses cannot be read.
    """
    urls = _urls(receiver)
    if not urls:
        return DeliveryResult("failed", f"{receiver.url_file} contains no address")
    message = message_of(body)
    try:
        done = _run_child(urls, allowed, timeout_s, message)
    except subprocess.TimeoutExpired:
        return DeliveryResult("failed", f"no answer within {timeout_s:g} s")
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no error message"])[-1]
        return DeliveryResult(
            "failed", _without_secrets(f"Apprise ended with {done.returncode}: {last}", urls)[:_LONGEST]
        )
    outcomes = json.loads(done.stdout)
    failures = [
        "; ".join([*refused, *(_without_secrets(line, urls) for line in log)]) or "not sent"
        for sent, refused, log in outcomes
        if not sent
    ]
    if not failures:
        return DeliveryResult("delivered", f"sent by Apprise to {len(urls)} address{'es' if len(urls) > 1 else ''}")
    counted = f"{len(failures)} of {len(urls)} failed: " if len(urls) > 1 else ""
    return DeliveryResult("failed", (counted + "; ".join(failures))[:_LONGEST])


def unreadable(receiver: Apprise, timeout_s: float = 30.0) -> str | None:
    """Why nothing could be sent to this receiver, in a few words; None when its addresses can be read.

    Makes no connection. Returns None, too, when Apprise needs longer than `timeout_s` to start.
    """
    try:
        urls = _urls(receiver)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        return f"{receiver.url_file} cannot be read: {reason}"
    if not urls:
        return f"{receiver.url_file} contains no address"
    try:
        done = _run_child(urls, (), timeout_s, None)
    except subprocess.TimeoutExpired:
        return None
    if done.returncode != 0:
        return None  # the file is not the cause; the first notification will fail with the reason
    for number, (readable, _, log) in enumerate(json.loads(done.stdout), start=1):
        if not readable:
            where = "" if receiver.url is not None else f"{receiver.url_file}, address {number}: "
            reasons = "; ".join(_without_secrets(line, urls) for line in log)
            return f"{where}{reasons}"[:_LONGEST]
    return None


def _run_child(
    urls: Sequence[str], allowed: Sequence[Network], timeout_s: float, message: Message | None
) -> subprocess.CompletedProcess[str]:
    task = {
        "urls": urls,
        "message": message and message._asdict(),
        "within_s": timeout_s / len(urls),
        "allowed": [str(network) for network in allowed],
    }
    return subprocess.run(
        [sys.executable, "-m", "alerts.receivers.apprise_child"],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
        cwd=_ROOT,
        env={name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")},
    )


def _urls(receiver: Apprise) -> list[str]:
    if receiver.url is not None:
        return [receiver.url]
    assert receiver.url_file is not None  # the schema requires one of them
    lines = (line.strip() for line in receiver.url_file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _without_secrets(text: str, urls: Sequence[str]) -> str:
    return without(text, (secret for url in urls for secret in secrets_in(url)))
