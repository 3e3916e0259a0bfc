"""`buzzwatch alerts`: what fires, what fired, what could not be delivered."""

from __future__ import annotations

import enum
import json
import time
from typing import Annotated, Final

import typer
from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table

from alerts.alert import Acknowledgement
from alerts.connection import connect
from alerts.muting import Shown, shown
from alerts.outbox import Entry, Outbox
from alerts.silences import SilenceStore
from alerts.state import AlertStore
from cli import silences
from cli.backtest import EXAMPLES, backtest
from cli.receiver_test import try_receiver
from cli.redis_answers import redis_answers
from cli.who import who
from cli.wide import wide_console
from contracts.errors import BuzzwatchError, RulesError
from contracts.routing import InhibitRule
from contracts.rules_file import load_rules
from contracts.settings import Settings, load_settings
from contracts.times import to_rfc3339

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


_DAY_MS: Final = 86_400_000
_DISABLED: Final = "receiver disabled"


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


app.add_typer(silences.app, name="silence")
app.command("backtest", help=EXAMPLES)(backtest)
app.command("test")(try_receiver)


@app.callback()
def _group() -> None:
    """What fires, what fired, what is muted, what could not be delivered.

    Example: buzzwatch alerts list --state firing
    """


@app.command("list")
def list_alerts(
    state: Annotated[State | None, typer.Option(help="Only these.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole history, not just the last day's.")] = False,
    output: _Format = Format.table,
) -> None:
    """Show alerts: the firing ones, then pending, then those resolved within the last day, each newest first.

    Examples:

      buzzwatch alerts list --state firing

      buzzwatch alerts list --all --format json
    """
    settings = load_settings()
    now = int(time.time() * 1000)
    with redis_answers(settings.redis.url), connect(settings) as client:
        alerts = AlertStore(client, settings).list()
        muting = SilenceStore(client, settings).list(now)
    found = [
        one
        for one in shown(alerts, muting, _inhibit_rules(settings), now)
        if state in (None, one.alert.state)
        and (everything or state or one.alert.ends_at_ms is None or one.alert.ends_at_ms > now - _DAY_MS)
    ]
    if output is Format.json:
        typer.echo(json.dumps([one.public() for one in found], ensure_ascii=False, indent=2))
    else:
        wide_console().print(_table(found))


def _inhibit_rules(settings: Settings) -> tuple[InhibitRule, ...]:
    """Those of the rules file; none when it cannot be used here, say for a secret that only the notifier has."""
    try:
        return load_rules(settings.rules).inhibit_rules
    except RulesError as error:
        typer.echo(f"what is inhibited is not shown: {error}", err=True)
        return ()


@app.command("ack")
def acknowledge(
    fingerprint: Annotated[str, typer.Argument(help="Of a firing alert; `buzzwatch alerts list` shows it.")],
    comment: Annotated[str, typer.Option(help="What you do about it.")] = "",
    by: Annotated[str | None, typer.Option(help="Who; you when not given.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
) -> None:
    """Say that you are at an alert: it is not repeated until it is over; its end is told as ever.

    Example: buzzwatch alerts ack e7828b69622f061a --comment "calling the baggage desk"
    """
    settings = load_settings()
    said = None if undo else Acknowledgement(by or who(), comment, int(time.time() * 1000))
    with redis_answers(settings.redis.url), connect(settings) as client:
        alert = AlertStore(client, settings).acknowledge(fingerprint, said)
    if alert is None:
        raise BuzzwatchError(f"no pending or firing alert has the fingerprint {fingerprint!r}")


@app.command("redeliver")
def redeliver(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids (webhook-id) of those that are shown.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are shown.")] = False,
    enable: Annotated[str | None, typer.Option(help="Post again to this receiver, which answered 410 Gone.")] = None,
    output: _Format = Format.table,
) -> None:
    """Try notifications that have failed again now; without arguments, show them.

    Shown are those whose attempts are used up, those that wait for their next attempt, and those for a receiver that
    has answered 410 Gone.

    Examples:

      buzzwatch alerts redeliver

      buzzwatch alerts redeliver --all
    """
    settings = load_settings()
    with redis_answers(settings.redis.url), connect(settings) as client:
        outbox = Outbox(client, settings)
        if enable is not None and not outbox.enable(enable):
            raise BuzzwatchError(f"the receiver {enable!r} is not disabled")
        failed = _failed(outbox)
        if not ids and not everything:
            _show_undelivered(failed, output)
            return
        chosen = [entry.id for why, entry in failed if why != _DISABLED] if everything else ids or []
        now = int(time.time() * 1000)
        for entry_id in chosen:
            if not (outbox.redeliver(entry_id, now) or outbox.hurry(entry_id, now)) and not everything:
                raise BuzzwatchError(f"no notification that has failed has the id {entry_id!r}")
    typer.echo(f"{len(chosen)} notification(s) are due again", err=True)


def _failed(outbox: Outbox) -> list[tuple[str, Entry]]:
    """Why it is not delivered, and what."""
    disabled = outbox.disabled()
    rows = [("exhausted", entry) for entry in outbox.exhausted()]
    for entry in outbox.waiting():
        if entry.receiver in disabled:
            rows.append((_DISABLED, entry))
        elif entry.failures:
            rows.append(("tried again later", entry))
    return rows


def _show_undelivered(rows: list[tuple[str, Entry]], output: Format) -> None:
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
    table = Table("id", "why", "receiver", "alert", "status", "since", "failures", "last error", box=SIMPLE)
    for why, entry in rows:
        since = to_rfc3339(entry.created_ms)
        table.add_row(
            entry.id,
            why,
            entry.receiver,
            escape(entry.alertname),
            entry.status,
            since,
            str(entry.failures),
            escape(entry.last_error),
        )
    wide_console().print(table)


def _table(found: list[Shown]) -> Table:
    table = Table("state", "alert", "severity", "since", "until", "muted, taken", "summary", "fingerprint", box=SIMPLE)
    for one in found:
        alert = one.alert
        until = "" if alert.ends_at_ms is None else to_rfc3339(alert.ends_at_ms)
        colour = {"pending": "yellow", "firing": "red", "resolved": "green"}[alert.state]
        table.add_row(
            f"[{colour}]{alert.state}[/]",
            escape(alert.name),
            alert.labels.get("severity", ""),
            to_rfc3339(alert.starts_at_ms),
            until,
            escape(_quiet(one)),
            escape(alert.annotations.get("summary", "")),
            alert.fingerprint,
        )
    return table


def _quiet(one: Shown) -> str:
    """Why nobody hears of it, or who is at it."""
    reasons = ["silenced"] if one.silenced_by else []
    reasons += ["inhibited"] if one.inhibited_by else []
    taken = one.alert.acknowledgement
    if taken is not None:
        reasons.append(f"{taken.by} at {to_rfc3339(taken.at_ms)}{f': {taken.comment}' if taken.comment else ''}")
    return ", ".join(reasons)
