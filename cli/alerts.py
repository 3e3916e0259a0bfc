"""`buzzwatch alerts`: what fires, what fired, what could not be delivered."""

from __future__ import annotations

import enum
import json
import time
from typing import Annotated, Literal

import rich.box
import typer
from rich.markup import escape
from rich.table import Table

from alerts.alert import Alert
from alerts.connection import connect
from alerts.outbox import Entry, Outbox
from alerts.state import AlertStore
from cli.redis_answers import redis_answers
from cli.wide import wide_console
from contracts.errors import BuzzwatchError
from contracts.settings import load_settings
from contracts.times import to_rfc3339

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


class State(enum.StrEnum):
    """Which alerts."""

    pending = "pending"
    firing = "firing"
    resolved = "resolved"


class Format(enum.StrEnum):
    """How to print."""

    table = "table"
    json = "json"


_Format = Annotated[Format, typer.Option("--format", help="Print as a table or as JSON.")]


@app.callback()
def _group() -> None:
    """What fires, what fired, what could not be delivered.

    Example: buzzwatch alerts list --state firing
    """


@app.command("list")
def list_alerts(
    state: Annotated[State | None, typer.Option(help="Only these; by default all.")] = None,
    output: _Format = Format.table,
) -> None:
    """Show alerts: the firing ones first, then pending, then resolved ones, each newest first.

    Example: buzzwatch alerts list --state firing --format json
    """
    settings = load_settings()
    with redis_answers(settings.redis.url), connect(settings) as client:
        wanted: Literal["pending", "firing", "resolved"] | None = state.value if state else None
        alerts = AlertStore(client, settings).list(wanted)
    if output is Format.json:
        typer.echo(json.dumps([alert.public() for alert in alerts], ensure_ascii=False, indent=2))
    else:
        wide_console().print(_table(alerts))


@app.command("redeliver")
def redeliver(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids (webhook-id) of exhausted notifications.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All exhausted notifications.")] = False,
    enable: Annotated[str | None, typer.Option(help="Post again to this receiver, which answered 410 Gone.")] = None,
    output: _Format = Format.table,
) -> None:
    """Try notifications again whose attempts are used up; without arguments, show them.

    Example: buzzwatch alerts redeliver --all
    """
    settings = load_settings()
    with redis_answers(settings.redis.url), connect(settings) as client:
        outbox = Outbox(client, settings)
        if enable is not None and not outbox.enable(enable):
            raise BuzzwatchError(f"the receiver {enable!r} is not disabled")
        exhausted = outbox.exhausted()
        if not ids and not everything:
            _show_undelivered(exhausted, outbox, output)
            return
        chosen = [entry.id for entry in exhausted] if everything else ids or []
        for entry_id in chosen:
            if not outbox.redeliver(entry_id, int(time.time() * 1000)):
                raise BuzzwatchError(f"no exhausted notification has the id {entry_id!r}")
    typer.echo(f"{len(chosen)} notification(s) are due again", err=True)


def _show_undelivered(exhausted: list[Entry], outbox: Outbox, output: Format) -> None:
    disabled = outbox.disabled()
    held = [entry for entry in outbox.waiting() if entry.receiver in disabled]
    rows = [("exhausted", entry) for entry in exhausted] + [("receiver disabled", entry) for entry in held]
    if output is Format.json:
        shown = [
            {
                "id": entry.id,
                "why": why,
                "receiver": entry.receiver,
                "alertname": entry.alertname,
                "status": entry.status,
                "createdAt": to_rfc3339(entry.created_ms),
                "failures": entry.failures,
                "lastError": entry.last_error,
            }
            for why, entry in rows
        ]
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
        return
    table = Table("id", "why", "receiver", "alert", "status", "since", "failures", "last error", box=rich.box.SIMPLE)
    for why, entry in rows:
        since = to_rfc3339(entry.created_ms)
        table.add_row(
            entry.id, why, entry.receiver, entry.alertname, entry.status, since, str(entry.failures), entry.last_error
        )
    wide_console().print(table)


def _table(alerts: list[Alert]) -> Table:
    table = Table("state", "alert", "severity", "since", "until", "summary", box=rich.box.SIMPLE)
    for alert in alerts:
        until = "" if alert.ends_at_ms is None else to_rfc3339(alert.ends_at_ms)
        colour = {"pending": "yellow", "firing": "red", "resolved": "green"}[alert.state]
        table.add_row(
            f"[{colour}]{alert.state}[/]",
            escape(alert.name),
            alert.labels.get("severity", ""),
            to_rfc3339(alert.starts_at_ms),
            until,
            escape(alert.annotations.get("summary", "")),
        )
    return table
