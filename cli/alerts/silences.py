"""`buzzwatch alerts silence`: send nothing about some alerts for a while."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.table import Table

from alerts.state.silences import Silence, SilenceStore, new_silence
from cli.output.audited import audit_event, kept, send_kept
from cli.output.console import cell, current_user, listing, print_error, table_console
from cli.output.moments import lasting_ms
from cli.output.options import Format
from cli.output.preconditions import no_such, redis_client, rules_if_usable
from contracts.audit import Figure
from contracts.errors import BuzzwatchError
from contracts.printable import printable_json
from contracts.rules.matchers import Matcher, parse_matcher
from contracts.settings import Settings, load_settings
from contracts.times import clock_ms, to_ms, to_rfc3339
from contracts.tweet_objects.dates import read_date

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)

_COLOURS = {"active": "yellow", "pending": "cyan", "expired": "dim"}


@app.callback()
def _group() -> None:
    """Send nothing about some alerts for a while.

    Example: buzzwatch alerts silence add watch=delta --for 2h --comment "their strike, not ours"
    """


@app.command("add")
def add(
    matchers: Annotated[
        list[str],
        typer.Argument(help='All of them: watch=delta, severity!=critical, alertname=~"Bad.*".'),
    ],
    comment: Annotated[str, typer.Option(help="Why.")],
    duration: Annotated[str, typer.Option("--for", help="For how long: 30m, 2h, 1d.")] = "1h",
    until: Annotated[str | None, typer.Option(help="Instead of --for: an end such as 2026-11-20T18:00Z.")] = None,
    by: Annotated[str | None, typer.Option(help="Your name; by default that of the system's user.")] = None,
    output: Format = "table",
) -> None:
    """Silence alerts that match; prints the silence's id.

    Nothing is sent while it lasts; what still fires at its end is sent then.

    Examples:

      buzzwatch alerts silence add watch=delta --comment "their strike, not ours"

      buzzwatch alerts silence add alertname=BadBuzz 'theme=~"delay|cancellation"' --for 6h --comment "storm over Oslo"
    """
    now = clock_ms()
    try:
        conditions = [parse_matcher(text) for text in matchers]
    except ValueError as error:
        raise BuzzwatchError(str(error)) from None
    silence = new_silence(
        conditions,
        starts_at_ms=now,
        ends_at_ms=_moment(until) if until else now + lasting_ms("--for", duration),
        created_by=by or current_user(),
        comment=comment,
        now_ms=now,
    )
    settings = load_settings()
    _warn_of_unknown(settings, conditions)
    figures: dict[str, Figure] = {"matchers": ", ".join(map(str, conditions))[:500]}
    event = audit_event("silence.added", f"silence {silence.id}", comment, figures, who=silence.created_by)
    with redis_client(settings) as client, kept(client, settings, event):
        SilenceStore(client, settings).add(silence, now)
    if output == "json":
        typer.echo(printable_json(silence.public(now)))
    else:
        typer.echo(silence.id)
    send_kept(settings, event)


def _warn_of_unknown(settings: Settings, conditions: Sequence[Matcher]) -> None:
    """Say which names the rules file does not have. As rules change, such a silence is allowed; it may mute nothing."""
    wanted = [one for one in conditions if one.operator == "=" and one.name in ("watch", "theme", "alertname")]
    rules = rules_if_usable(settings, "whether there are such names is not looked at") if wanted else None
    if rules is None:
        return
    names = {
        "watch": [one.name for one in rules.watches],
        "theme": [one.name for one in rules.themes],
        "alertname": [one.alert for one in rules.rules],
    }
    for one in wanted:
        if one.value and one.value not in names[one.name]:
            print_error(f"{no_such(one.name, one.value, names[one.name], str(settings.rules))}; it may mute nothing")


@app.command("list")
def list_silences(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too.")] = False,
    output: Format = "table",
) -> None:
    """Show silences: active ones, then those that start later.

    Example: buzzwatch alerts silence list --all --format json
    """
    settings = load_settings()
    now = clock_ms()
    with redis_client(settings) as client:
        found = SilenceStore(client, settings).list(now)
    found = [silence for silence in found if everything or silence.state(now) != "expired"]
    if output == "json":
        typer.echo(printable_json([silence.public(now) for silence in found]))
    else:
        table_console().print(table_of(found, now))


@app.command("expire")
def expire(ids: Annotated[list[str], typer.Argument(help="Ids of silences.")]) -> None:
    """End silences now.

    Example: buzzwatch alerts silence expire 6f1c…
    """
    settings = load_settings()
    for silence_id in ids:
        event = audit_event("silence.ended", f"silence {silence_id}")
        with redis_client(settings) as client, kept(client, settings, event):
            SilenceStore(client, settings).expire(silence_id, clock_ms())
        send_kept(settings, event)


def table_of(silences: list[Silence], now_ms: int) -> Table:
    """One row for each; the id in one piece however narrow the terminal is."""
    table = listing("id", "state", "alerts", "from, until", "by: why", whole="id")
    for silence in silences:
        state = silence.state(now_ms)
        table.add_row(
            cell(silence.id),
            f"[{_COLOURS[state]}]{state}[/]",
            cell(", ".join(map(str, silence.matchers))),
            f"{to_rfc3339(silence.starts_at_ms)} {to_rfc3339(silence.ends_at_ms)}",
            cell(f"{silence.created_by}: {silence.comment}"),
        )
    return table


def _moment(text: str) -> int:
    try:
        return to_ms(read_date(text))
    except (ValueError, OverflowError):
        raise BuzzwatchError(f"--until: {text!r} is not a time such as 2026-11-20T18:00Z") from None
