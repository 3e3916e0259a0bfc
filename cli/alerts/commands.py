"""`buzzwatch alerts`: firing and past alerts, and their acknowledgements."""

from __future__ import annotations

import enum
from typing import Annotated, Final

import typer
from rich.table import Table

from alerts.state.alert import Acknowledgement
from alerts.state.silences import SilenceStore
from alerts.state.store import AlertStore
from alerts.state.visibility import Shown, shown
from cli.alerts import silences
from cli.alerts.redeliver import redeliver
from cli.alerts.try_receiver import try_receiver
from cli.backtest.command import EXAMPLES, backtest
from cli.output.audited import audit_event, kept, send_kept
from cli.output.console import cell, current_user, listing, table_console
from cli.output.moments import lasting_ms
from cli.output.options import Format
from cli.output.preconditions import redis_client, rules_if_usable
from contracts.errors import BuzzwatchError
from contracts.printable import printable_json
from contracts.settings import load_settings
from contracts.times import clock_ms, to_rfc3339

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


_DAY_MS: Final = 86_400_000


class State(enum.StrEnum):
    """Which alerts."""

    pending = "pending"
    firing = "firing"
    resolved = "resolved"


app.add_typer(silences.app, name="silence")
app.command("backtest", help=EXAMPLES)(backtest)
app.command("test")(try_receiver)
app.command("redeliver")(redeliver)


@app.callback()
def _group() -> None:
    """What fires, what fired, what is muted, what could not be delivered.

    Example: buzzwatch alerts list --state firing
    """


@app.command("list")
def list_alerts(
    state: Annotated[State | None, typer.Option(help="Only these.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="The whole history, not just the last day's.")] = False,
    output: Format = "table",
) -> None:
    """Show alerts: the firing ones, then pending, then those resolved within the last day, each newest first.

    Examples:

      buzzwatch alerts list --state firing

      buzzwatch alerts list --all --format json
    """
    settings = load_settings()
    now = clock_ms()
    with redis_client(settings) as client:
        alerts = AlertStore(client, settings).list()
        muting = SilenceStore(client, settings).list(now)
    rules = rules_if_usable(settings, "what is inhibited is not shown")
    found = [
        one
        for one in shown(alerts, muting, rules.inhibit_rules if rules else (), now)
        if state in (None, one.alert.state)
        and (everything or state or one.alert.ends_at_ms is None or one.alert.ends_at_ms > now - _DAY_MS)
    ]
    if output == "json":
        typer.echo(printable_json([one.public() for one in found]))
    else:
        table_console().print(table_of(found))


@app.command("ack")
def acknowledge(
    fingerprint: Annotated[str, typer.Argument(help="Of a firing alert; `buzzwatch alerts list` shows it.")],
    comment: Annotated[str, typer.Option(help="What you do about it.")] = "",
    by: Annotated[str | None, typer.Option(help="Your name; by default that of the system's user.")] = None,
    undo: Annotated[bool, typer.Option("--undo", help="Take it back.")] = False,
    lasting: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help="Such as 2h; until the alert is over when not given.")
    ] = None,
) -> None:
    """Acknowledge an alert: its notification is not repeated any more; its end is sent as usual.

    Examples:

      buzzwatch alerts ack e7828b69622f061a --comment "calling the baggage desk"

      buzzwatch alerts ack e7828b69622f061a --for 2h
    """
    settings = load_settings()
    now_ms = clock_ms()
    until_ms = None if lasting is None else now_ms + lasting_ms("--for", lasting)
    acknowledgement = None if undo else Acknowledgement(by or current_user(), comment, now_ms, until_ms)
    what = "alert.acknowledgement_withdrawn" if undo else "alert.acknowledged"
    event = audit_event(what, f"alert {fingerprint}", comment, who=by)
    with redis_client(settings) as client, kept(client, settings, event):
        if AlertStore(client, settings).acknowledge(fingerprint, acknowledgement) is None:
            raise BuzzwatchError(f"no pending or firing alert has the fingerprint {fingerprint!r}")
    send_kept(settings, event)


def table_of(found: list[Shown]) -> Table:
    """One row for each; the fingerprint in one piece however narrow the terminal is."""
    table = listing("alert", "since, until", "muted, taken", "summary", "fingerprint", whole="fingerprint")
    for one in found:
        alert = one.alert
        until = "" if alert.ends_at_ms is None else f" {to_rfc3339(alert.ends_at_ms)}"
        colour = {"pending": "yellow", "firing": "red", "resolved": "green"}[alert.state]
        table.add_row(
            f"[{colour}]{alert.state}[/] {cell(alert.name)} {cell(alert.labels.get('severity', ''))}",
            f"{to_rfc3339(alert.starts_at_ms)}{until}",
            cell(_quiet(one)),
            cell(alert.annotations.get("summary", "")),
            alert.fingerprint,
        )
    return table


def _quiet(one: Shown) -> str:
    """What mutes it, and who acknowledged it."""
    reasons = ["silenced"] if one.silenced_by else []
    reasons += ["inhibited"] if one.inhibited_by else []
    taken = one.alert.acknowledgement
    if taken is not None:
        until = "" if taken.until_ms is None else f" until {to_rfc3339(taken.until_ms)}"
        reasons.append(f"{taken.by} at {to_rfc3339(taken.at_ms)}{until}{f': {taken.comment}' if taken.comment else ''}")
    return ", ".join(reasons)
