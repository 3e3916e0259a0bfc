"""`buzzwatch audit`: who did what, to models, alerts and keys, when, why, and from what figures."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from typing import Annotated, Literal

import redis
import typer

from alerts.storage.audit_waiting import WaitingEvents
from alerts.storage.connection import connect
from cli.output.console import print_error, print_table
from cli.output.moments import period_ms
from contracts.audit import AuditEvent, shown_figure
from contracts.errors import Unavailable
from contracts.printable import safe_json
from contracts.settings import Settings, load_settings
from contracts.times import to_ms
from models.registry.client import Registry
from stream.kafka.audit import AuditLog, audit_events

app = typer.Typer(add_completion=False)

_EXAMPLES = """Who did what to models, alerts and keys, when, why and from what figures: the topic `audit`, newest last.

Examples:

  buzzwatch audit

  buzzwatch audit --since 7d --what canary

  buzzwatch audit --subject "model sentiment 7" --format json --limit 0
"""


@app.command(help=_EXAMPLES)
def audit(
    since: Annotated[str | None, typer.Option(metavar="TIME", help="Such as 2026-11-20T10:00:00Z or 2h.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The same.")] = None,
    what: Annotated[str | None, typer.Option(help="Only events whose kind begins so, such as `model.`.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only events about this, such as `model sentiment 7`.")] = None,
    limit: Annotated[int, typer.Option(min=0, help="How many, the newest; 0: all.")] = 50,
    output: Annotated[Literal["table", "json"], typer.Option("--format", help="Rows or JSON, one a line.")] = "table",
) -> None:
    """List what was done."""
    first_ms, end_ms = period_ms(since, until)
    settings, unreadable = load_settings(), list[str]()
    _send_what_waits(settings)
    found = (
        event
        for event in audit_events(settings, unreadable.append)
        if (first_ms is None or to_ms(event.when) >= first_ms)
        and (end_ms is None or to_ms(event.when) < end_ms)
        and event.what.startswith(what or "")
        and event.subject == (subject or event.subject)
    )
    newest = list(deque(found, maxlen=limit or None))
    if output == "json":
        for event in newest:
            typer.echo(safe_json(event.model_dump_json()))
    else:
        print_table(("when", "who", "what", "subject", "why", "figures"), _rows(newest))
    if unreadable:
        more = f" (and {len(unreadable) - 1:,} more)" if len(unreadable) > 1 else ""
        print_error(f"{unreadable[0]}{more}")


def _send_what_waits(settings: Settings) -> None:
    """What was done by those who were killed, or found no Kafka, before they could send it."""
    with suppress(Unavailable, redis.RedisError), connect(settings) as client:
        AuditLog(settings, stored=WaitingEvents(client, settings)).send_due()
    with suppress(Unavailable), closing(Registry(settings.mlflow)) as registry:  # away, it keeps them for the next time
        if registry.keeps_events():
            from cli.training.audited import send_changes  # imports MLflow, which takes seconds

            send_changes(settings)


def _rows(events: Iterable[AuditEvent]) -> Iterator[tuple[str, ...]]:
    for event in events:
        figures = ", ".join(f"{name} {shown_figure(value)}" for name, value in event.figures.items())
        yield event.when.isoformat(" ", "seconds"), event.who, event.what, event.subject, event.why, figures
