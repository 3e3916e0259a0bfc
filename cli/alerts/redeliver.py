"""`buzzwatch alerts redeliver`: what could not be delivered, and what to do about it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.table import Table

from alerts.outbox.redelivery import Redelivery
from alerts.outbox.store import Entry, Outbox
from cli.output.console import cell, listing, table_console
from cli.output.options import Format
from cli.output.preconditions import redis_client, rules_if_usable
from contracts.errors import BuzzwatchError
from contracts.printable import printable_json
from contracts.settings import load_settings
from contracts.times import clock_ms, to_rfc3339

_DISABLED: Final = "receiver disabled"
_UNKNOWN: Final = "receiver not in the rules"


def redeliver(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids (webhook-id) of those that are shown.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that are shown and can be tried.")] = False,
    drop: Annotated[
        bool, typer.Option("--drop", help="Drop the notifications with these ids for good: they are never sent.")
    ] = False,
    enable: Annotated[str | None, typer.Option(help="Post again to this receiver, which answered 410 Gone.")] = None,
    output: Format = "table",
) -> None:
    """Try notifications that have failed again now, or throw them away; without arguments, show them.

    Shown are those whose attempts are used up, those that wait for their next attempt, those for a receiver that has
    answered 410 Gone, and those for a receiver that the rules file does not name (any more). To try one ends the pause
    that its receiver may have asked for (Retry-After).

    Examples:

      buzzwatch alerts redeliver

      buzzwatch alerts redeliver --all

      buzzwatch alerts redeliver --drop 5ad1f6f4-6a0e-5d0e-9c53-2f3c9f1f4a11
    """
    if drop and (everything or not ids):
        raise typer.BadParameter("--drop needs ids of notifications, and no --all")
    settings = load_settings()
    rules = rules_if_usable(settings, "whether the rules name the receivers is not looked at")
    known = None if rules is None else {receiver.name for receiver in rules.receivers}
    with redis_client(settings) as client:
        outbox, by_hand = Outbox(client, settings), Redelivery(client, settings)
        if enable is not None and not outbox.enable(enable):
            raise BuzzwatchError(f"the receiver {enable!r} is not disabled")
        failed = _failed(outbox, known)
        if not ids and not everything:
            _show(failed, output)
            return
        chosen = failed if everything else [_one(failed, entry_id) for entry_id in ids or []]
        now = clock_ms()
        if drop:
            done = [by_hand.drop(entry.id, now, forget=why == _UNKNOWN) for why, entry in chosen]
        else:
            if not everything:
                _refuse(chosen, settings.rules)
            due = [entry.id for why, entry in chosen if why not in (_DISABLED, _UNKNOWN)]
            done = [by_hand.redeliver(entry_id, now) or by_hand.retry_now(entry_id, now) for entry_id in due]
    number, left = sum(done), len(chosen) - sum(done)
    outcome = "dropped" if drop else "due again"
    typer.echo(f"{number} notification(s) {outcome}{f', {left} not: see the list' if left else ''}", err=True)


def _failed(outbox: Outbox, known: Collection[str] | None) -> list[tuple[str, Entry]]:
    """Why it is not delivered, and what.

    Args:
        known: the receivers that the rules name; None when nobody knows.
    """
    disabled = outbox.disabled()
    rows: list[tuple[str, Entry]] = []
    candidates = [("exhausted", entry) for entry in outbox.exhausted()]
    candidates += [("tried again later" if entry.failures else "", entry) for entry in outbox.waiting()]
    for why, entry in candidates:
        if known is not None and entry.receiver not in known:
            rows.append((_UNKNOWN, entry))
        elif entry.receiver in disabled:
            rows.append((_DISABLED, entry))
        elif why:
            rows.append((why, entry))
    return rows


def _one(failed: list[tuple[str, Entry]], entry_id: str) -> tuple[str, Entry]:
    found = next((row for row in failed if row[1].id == entry_id), None)
    if found is None:
        raise BuzzwatchError(f"no notification that has failed has the id {entry_id!r}")
    return found


def _refuse(chosen: list[tuple[str, Entry]], rules: Path) -> None:
    """What nobody would post is not called due."""
    for why, entry in chosen:
        if why == _UNKNOWN:
            raise BuzzwatchError(
                f"{rules} names no receiver {entry.receiver!r}; name it again, or throw the notification away with "
                f"`buzzwatch alerts redeliver --drop {entry.id}`"
            )
        if why == _DISABLED:
            raise BuzzwatchError(
                f"the receiver {entry.receiver!r} has answered 410 Gone; post to it again with "
                f"`buzzwatch alerts redeliver --enable {entry.receiver}`"
            )


def _show(rows: list[tuple[str, Entry]], output: str) -> None:
    if output == "json":
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
        typer.echo(printable_json(shown))
    else:
        table_console().print(table_of(rows))


def table_of(rows: list[tuple[str, Entry]]) -> Table:
    """One row for each; the id in one piece however narrow the terminal is."""
    table = listing("id", "notification", "why not", whole="id")
    for why, entry in rows:
        what = f"{entry.status} {entry.alertname} to {entry.receiver} of {to_rfc3339(entry.created_ms)}"
        failures = f"; {entry.failures} failures, the last: {entry.last_error}" if entry.failures else ""
        table.add_row(*map(cell, (entry.id, what, f"{why}{failures}")))
    return table
