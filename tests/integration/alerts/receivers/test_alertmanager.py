"""Against the real Alertmanager of Debian's package `prometheus-alertmanager`."""

from __future__ import annotations

import subprocess
import time
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from alerts.grouping.dispatcher import Dispatcher
from alerts.outbox.store import Outbox
from alerts.receivers.alertmanager_resend import Resender
from alerts.receivers.sender import Sender
from alerts.state.alert import Alert, Transition, fingerprint_of
from alerts.storage.connection import connect
from contracts.rules.schema import Alertmanager
from contracts.settings import Settings
from contracts.times import clock_ms
from local.die_with_parent import die_with_parent
from tests.integration.alerts.notifications import delivering, put
from tests.programs import program
from tests.servers import free_ports
from tests.waiting import until


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A running Alertmanager that forgets what has ended only after the test."""
    folder = tmp_path_factory.mktemp("alertmanager")
    (folder / "config.yml").write_text("route: {receiver: nobody}\nreceivers: [{name: nobody}]\n")
    (port,) = free_ports(1)
    command = [
        program("prometheus-alertmanager", "alertmanager", package="prometheus-alertmanager"),
        f"--config.file={folder / 'config.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(die_with_parent(command), stdout=log, stderr=subprocess.STDOUT)
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _ready(url))
        yield url
    finally:
        process.terminate()
        process.wait(60)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False, timeout=60).is_success
    except httpx.HTTPError:
        return False


def episode() -> tuple[Transition, Transition]:
    """An alert that began a minute ago, and its end just now."""
    labels = {"alertname": "BadBuzz", "severity": "critical", "number": uuid.uuid4().hex}
    now = clock_ms()
    alert = Alert("bad_buzz", fingerprint_of(labels), labels, {"summary": "buzz"}, now - 60_000, value=1.0)
    return Transition("firing", alert), Transition("resolved", msgspec.structs.replace(alert, ends_at_ms=now))


def active(url: str) -> list[dict[str, Any]]:
    answer = httpx.get(f"{url}/api/v2/alerts", trust_env=False, timeout=60)
    answer.raise_for_status()
    return list(answer.json())


def ends(url: str) -> dict[str, str]:
    """`endsAt` of each active alert, by the rule's own label."""
    return {alert["labels"]["number"]: alert["endsAt"] for alert in active(url)}


def test_what_fires_is_active_there_and_what_is_over_is_not(settings: Settings, address: str) -> None:
    firing, resolved = episode()
    with delivering(settings, Alertmanager(name="team", kind="alertmanager", url=address + "/")):
        put(settings, 0, firing)
        until(lambda: firing.alert.labels["number"] in ends(address))
        (found,) = [alert for alert in active(address) if alert["labels"] == firing.alert.labels]
        assert found["status"]["state"] == "active"
        assert found["generatorURL"] == "http://127.0.0.1:8000/alerts"
        put(settings, 0, resolved)
        until(lambda: firing.alert.labels["number"] not in ends(address))
        assert Outbox(connect(settings), settings).waiting() == []


def test_what_fires_is_vouched_for_and_ends_by_itself_when_nobody_does(settings: Settings, address: str) -> None:
    firing, _ = episode()
    number = firing.alert.labels["number"]
    # What is said holds four times as long: a busy notifier may be late.
    receiver = Alertmanager(name="team", kind="alertmanager", url=address, resend_delay="3s")
    put(settings, 0, firing)
    with delivering(settings, receiver):
        until(lambda: number in ends(address))
        first = ends(address)[number]
        until(lambda: ends(address).get(number, "") > first)
    until(lambda: number not in ends(address))


def test_two_notifiers_vouch_no_more_often_than_one(settings: Settings, address: str) -> None:
    firing, _ = episode()
    receiver = Alertmanager(name="team", kind="alertmanager", url=address, resend_delay="1s")
    put(settings, 0, firing)

    def posts() -> float:
        text = httpx.get(f"{address}/metrics", trust_env=False, timeout=60).text
        return sum(
            float(line.split()[-1])
            for line in text.splitlines()
            if line.startswith("alertmanager_alerts_received_total{") and 'status="firing"' in line
        )

    with delivering(settings, receiver), delivering(settings, receiver):
        until(lambda: firing.alert.labels["number"] in ends(address))
        before, since = posts(), time.monotonic()
        until(lambda: posts() - before >= 6)
        told = posts() - before
        assert told <= (time.monotonic() - since) + 2  # one a second, of which one may have been under way


def test_an_end_that_comes_while_all_is_told_again_is_not_undone(settings: Settings, address: str) -> None:
    firing, resolved = episode()
    receiver = Alertmanager(name="team", kind="alertmanager", url=address, resend_delay="60s")
    client = connect(settings)
    sending = Sender(settings.alerts, clock_ms)
    put(settings, 0, firing)
    Dispatcher(client, settings).run_due(clock_ms())

    class Ending:
        """Hands over, and lets the alert end behind its back the first time."""

        calls = 0

        def __call__(self, to: Alertmanager, alerts: list[dict[str, Any]]) -> Any:
            self.calls += 1
            if self.calls == 1:
                put(settings, 0, resolved)
                Dispatcher(client, settings).run_due(clock_ms())
            return sending.hand_over(to, alerts)

    handing = Ending()
    Resender(client, settings, handing, clock_ms).resend(receiver)
    sending.close()
    assert handing.calls == 2
    assert firing.alert.labels["number"] not in ends(address)


def test_one_that_refuses_says_so_and_is_tried_again(settings: Settings, address: str) -> None:
    outbox = Outbox(connect(settings), settings)
    put(settings, 0, episode()[0])
    with delivering(settings, Alertmanager(name="team", kind="alertmanager", url=address + "/nowhere")):
        until(lambda: any(entry.failures for entry in outbox.waiting()))
    assert outbox.waiting()[0].last_error.startswith("answered 404: ")
