from __future__ import annotations

from typing import Any

import pytest

from alerts.outbox.store import Outbox
from alerts.receivers.alertmanager_resend import Resender
from alerts.receivers.transport.result import DeliveryResult
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from contracts.rules.schema import Alertmanager
from contracts.settings import Settings
from tests.fakes import Clock
from tests.integration.alerts.notifications import changes, dispatch, put
from tests.waiting import until

LEASE_MS = 5000
RECEIVER = Alertmanager(name="team", kind="alertmanager", url="http://127.0.0.1:9")


class Handing:
    """Takes what is handed over, and answers one after the other; the last answer from then on."""

    def __init__(self, *answers: DeliveryResult) -> None:
        self.answers = list(answers)
        self.calls: list[list[dict[str, Any]]] = []

    def __call__(self, to: Alertmanager, alerts: list[dict[str, Any]]) -> DeliveryResult:
        self.calls.append(alerts)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def handed_over(resender: Resender, handing: Handing) -> int:
    """How often, with what is due now."""
    resender.run_due([RECEIVER])
    return len(handing.calls)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_one_that_asks_for_a_pause_is_not_told_again_in_it_and_told_nothing_new_either(
    settings: Settings, clock: Clock
) -> None:
    client, keys = connect(settings), AlertKeys(settings.redis.prefix)
    outbox = Outbox(client, settings)
    put(settings, clock(), changes(1)[0])
    dispatch(settings, clock())
    handing = Handing(DeliveryResult("failed", "answered 429", 3600), DeliveryResult("delivered", "answered 200"))
    resender = Resender(client, settings, handing, clock)
    resender.run_due([RECEIVER])
    until(lambda: outbox.not_before_ms("team") == clock() + 3_600_000)
    assert outbox.claim("team", clock(), LEASE_MS) is None
    client.delete(keys.resent("team"))  # as if `resend_delay` had passed
    clock.forward(3599)
    resender.run_due([RECEIVER])
    assert not client.exists(keys.resent("team"))
    clock.forward(1)
    until(lambda: handed_over(resender, handing) == 2)


def test_a_pause_that_was_asked_for_at_news_holds_for_telling_again(settings: Settings, clock: Clock) -> None:
    client = connect(settings)
    outbox = Outbox(client, settings)
    put(settings, clock(), changes(1)[0])
    dispatch(settings, clock())
    claim = outbox.claim("team", clock(), LEASE_MS)
    assert claim is not None
    outbox.failed(claim, clock(), "answered 503", retry_after=60)
    handing = Handing(DeliveryResult("delivered", "answered 200"))
    resender = Resender(client, settings, handing, clock)
    resender.run_due([RECEIVER])
    assert not client.exists(AlertKeys(settings.redis.prefix).resent("team"))
    clock.forward(60)
    resender.run_due([RECEIVER])
    until(lambda: len(handing.calls) == 1)
