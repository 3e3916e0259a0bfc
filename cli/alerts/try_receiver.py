"""`buzzwatch alerts test`: does a receiver take what it is sent, and what does it result?"""

from __future__ import annotations

import sys
import time
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.table import Table

from cli.output.console import cell, table_console
from cli.output.options import Format
from cli.output.preconditions import receiver_of
from contracts.printable import printable_json
from contracts.rules.file import load_rules
from contracts.settings import load_settings
from contracts.times import clock_ms


def try_receiver(
    receiver: Annotated[str, typer.Argument(help="Its name in the rules file.")],
    resolved: Annotated[bool, typer.Option("--resolved", help="Then send that it is over, too.")] = False,
    output: Format = "table",
) -> None:
    """Send a sample alert to a receiver, once, and show what came back; fails when it was not taken.

    Goes the way of real alerts: signature, format, address check, time-out. Nothing is stored and nothing tried again.

    Examples:

      buzzwatch alerts test social-team

      buzzwatch alerts test pager --resolved --format json
    """
    from alerts.explanation.annotations import external_url
    from alerts.grouping.sample import sample
    from alerts.receivers.sender import Sender

    settings = load_settings()
    rules = load_rules(settings.rules)
    found = receiver_of(rules, receiver, settings.rules)
    url = external_url(settings)
    entries = sample(receiver, clock_ms(), watch=rules.watches[0].name, external_url=url)
    rows: list[dict[str, str | int]] = []
    sender = Sender(settings.alerts, clock_ms)
    progress = table_console(stderr=True)
    try:
        for entry in entries if resolved else entries[:1]:
            began = time.monotonic()
            if sys.stderr.isatty():
                with progress.status(f"sending {entry.status} to {receiver}"):
                    result = sender.attempt(found, entry)
            else:
                result = sender.attempt(found, entry)
            took_ms = round((time.monotonic() - began) * 1000)
            rows.append(
                {
                    "receiver": receiver,
                    "kind": found.kind,
                    "status": entry.status,
                    "id": entry.id,
                    "outcome": result.outcome,
                    "said": result.detail,
                    "ms": took_ms,
                }
            )
            if result.outcome != "delivered":
                break
    finally:
        sender.close()
    _print(rows, output)
    if rows[-1]["outcome"] != "delivered":
        raise typer.Exit(1)


def _print(rows: list[dict[str, str | int]], output: Format) -> None:
    if output == "json":
        typer.echo(printable_json(rows))
        return
    table = Table("receiver", "kind", "status", "outcome", "what came back", "ms", box=SIMPLE)
    for row in rows:
        colour = "green" if row["outcome"] == "delivered" else "red"
        table.add_row(
            cell(str(row["receiver"])),
            str(row["kind"]),
            str(row["status"]),
            f"[{colour}]{row['outcome']}[/]",
            cell(str(row["said"])),
            str(row["ms"]),
        )
    table_console().print(table)
