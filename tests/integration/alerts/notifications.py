"""Changes of alert states, stored with their notices as the evaluator stores them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec

from alerts.grouping.alert_events import event_commands
from alerts.grouping.dispatcher import Dispatcher
from alerts.notifier.loop import Notifier
from alerts.outbox.presence import Notifiers
from alerts.outbox.store import Outbox
from alerts.receivers.alertmanager_resend import Resender
from alerts.receivers.sender import Sender
from alerts.state.alert import Alert, Transition
from alerts.state.store import AlertStore
from alerts.storage.connection import connect
from alerts.storage.keys import AlertKeys
from alerts.storage.redis_health import TroubleLog
from contracts.rules.schema import AnyReceiver, ConsecutiveErrors, Rules, Watch, Webhook
from contracts.settings import Settings
from contracts.times import clock_ms
from tests.fakes import SECRET
from tests.waiting import PATIENCE_S


def rules_for(*receivers: str, send_resolved: bool = True) -> Rules:
    return Rules(
        watches=(Watch(name="acme", match=("acme",)),),
        receivers=tuple(
            Webhook(name=name, url="http://127.0.0.1:9/", secret=SECRET, send_resolved=send_resolved)
            for name in receivers
        ),
    )


def changes(number: int = 1) -> tuple[Transition, Transition]:
    """An alert that begins and ends."""
    labels = {"alertname": "BadBuzz", "severity": "critical", "number": str(number)}
    alert = Alert("bad_buzz", f"{number:016x}", labels, {}, starts_at_ms=number, value=1.0)
    return Transition("firing", alert), Transition("resolved", msgspec.structs.replace(alert, ends_at_ms=9))


def put(
    settings: Settings,
    now_ms: int,
    *transitions: Transition,
    to: tuple[str, ...] = ("team",),
    rules: Rules | None = None,
) -> None:
    """Each change by itself; the rule names these receivers, unless `rules` say otherwise."""
    store = AlertStore(connect(settings), settings)
    keys = AlertKeys(settings.redis.prefix)
    named = ConsecutiveErrors(alert="BadBuzz", kind="consecutive_errors", receivers=to)
    known = rules or rules_for("team", "desk").model_copy(update={"rules": (named,)})
    for transition in transitions:
        while True:
            snapshot = store.snapshot()
            commands = store.record(snapshot, [transition])
            if store.commit(
                snapshot, commands + event_commands(keys, known, [transition], now_ms, "http://127.0.0.1:8000")
            ):
                break


def notifier_of(settings: Settings, receivers: Sequence[AnyReceiver]) -> Notifier:
    """Wired as the process wires it; one thread of yours runs it."""
    client = connect(settings)
    sending = Sender(settings.alerts, clock_ms)
    return Notifier(
        Outbox(client, settings),
        Dispatcher(client, settings),
        receivers,
        sending,
        timeout_s=settings.alerts.delivery_timeout_s,
        trouble=TroubleLog(logging.getLogger("buzzwatch.notifier"), settings.redis, "deliveries wait"),
        resender=Resender(client, settings, sending.hand_over, clock_ms),
        notifiers=Notifiers(client, settings),
    )


@contextmanager
def delivering(settings: Settings, *receivers: AnyReceiver) -> Iterator[Notifier]:
    """A notifier in a thread."""
    notifier = notifier_of(settings, receivers)
    stopping = threading.Event()
    thread = threading.Thread(target=notifier.run, args=(stopping,), name="notifier")
    thread.start()
    try:
        yield notifier
    finally:
        stopping.set()
        thread.join(settings.alerts.delivery_timeout_s + PATIENCE_S)
        assert not thread.is_alive()


def dispatch(settings: Settings, now_ms: int) -> int:
    """Look at the groups as a notifier does; returns how many notifications came of it."""
    return len(Dispatcher(connect(settings), settings).run_due(now_ms))
