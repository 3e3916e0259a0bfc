"""Changes of alert states, put into the outbox as the evaluator puts them."""

from __future__ import annotations

import msgspec

from alerts.alert import Alert, Transition
from alerts.connection import connect
from alerts.keys import AlertKeys
from alerts.outbox import announce
from alerts.state import AlertStore
from contracts.rules import Rules, Watch, Webhook
from contracts.settings import Settings
from tests.fakes import SECRET


def rules_for(*receivers: str, send_resolved: bool = True) -> Rules:
    return Rules(
        watches=(Watch(name="acme", match=("acme",)),),
        receivers=tuple(
            Webhook(name=name, url="http://127.0.0.1:9/", secret=SECRET, send_resolved=send_resolved)
            for name in receivers
        ),
    )


def changes(number: int = 1, receivers: tuple[str, ...] = ("team",)) -> tuple[Transition, Transition]:
    alert = Alert(
        "bad_buzz", f"{number:016x}", {"alertname": "BadBuzz"}, {}, starts_at_ms=number, value=1.0, receivers=receivers
    )
    return Transition("firing", alert), Transition("resolved", msgspec.structs.replace(alert, ends_at_ms=9))


def put(settings: Settings, now_ms: int, *transitions: Transition, rules: Rules | None = None) -> None:
    store = AlertStore(connect(settings), settings)
    known = rules or rules_for("team", "desk")
    commands = announce(AlertKeys(settings.redis.prefix), known, transitions, now_ms, "http://127.0.0.1:8000")
    assert store.commit(store.snapshot(), commands)
