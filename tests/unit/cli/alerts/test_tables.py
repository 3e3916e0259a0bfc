from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console
from rich.table import Table

from alerts.outbox.store import Entry
from alerts.state.alert import Acknowledgement, Alert, fingerprint_of
from alerts.state.silences import new_silence
from alerts.state.visibility import Shown
from cli.alerts import commands as alerts
from cli.alerts import redeliver, silences
from contracts.rules.matchers import parse_matcher

NOW = 1_790_000_000_000
LABELS = {"alertname": "BadBuzz", "severity": "critical", "watch": "air-paradis", "theme": "baggage"}
SUMMARY = "Bad buzz about air-paradis, theme baggage: 83% of 60 tweets are negative, 30% before"


def shown() -> tuple[str, Table]:
    taken = Acknowledgement("maya", "calling the baggage desk", NOW)
    alert = Alert(
        "bad_buzz",
        fingerprint_of(LABELS),
        LABELS,
        {"summary": SUMMARY},
        NOW,
        0.5,
        ends_at_ms=NOW,
        acknowledgement=taken,
    )
    return alert.fingerprint, alerts.table_of([Shown(alert, ["5ad1f6f4"], [])])


def undelivered() -> tuple[str, Table]:
    entry = Entry(
        id="5ad1f6f4-6a0e-5d0e-9c53-2f3c9f1f4a11",
        receiver="social-team-of-the-airline",
        fingerprint="f",
        alertname="BadBuzz, ConsecutiveErrors",
        status="firing",
        created_ms=NOW,
        body="",
        failures=9,
        last_error="ConnectError: [Errno 111] Connection refused while it was being told of all this",
    )
    return entry.id, redeliver.table_of([("tried again later", entry)])


def silenced() -> tuple[str, Table]:
    silence = new_silence(
        [parse_matcher(text) for text in ("watch=air-paradis", 'theme=~"baggage|delay|cancellation"')],
        starts_at_ms=NOW,
        ends_at_ms=NOW + 3_600_000,
        created_by="maya",
        comment="their strike, not ours",
        now_ms=NOW,
    )
    return silence.id, silences.table_of([silence], NOW)


@pytest.mark.parametrize("make", [shown, undelivered, silenced])
def test_what_a_command_asks_for_can_be_copied_from_the_list_at_80_columns(
    make: Callable[[], tuple[str, Table]],
) -> None:
    identifier, table = make()
    page = io.StringIO()
    Console(file=page, width=80).print(table)
    assert identifier in page.getvalue()
    assert "…" not in page.getvalue()
