"""`buzzwatch privacy`: what is kept about people, and having it forgotten."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from alerts.storage.audit_waiting import WaitingEvents
from cli.output.audited import audit_event, send_kept
from cli.output.console import print_error, print_table, progress_bar
from cli.output.options import Format
from cli.output.preconditions import redis_client
from contracts.audit import AuditEvent, Figure
from contracts.errors import BuzzwatchError
from contracts.printable import printable_json
from contracts.settings import Settings, load_settings
from contracts.texts import MAX_ID
from learning.privacy.forget import Forgotten, forget
from learning.privacy.register import holdings
from learning.privacy.subject import Subject

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """What is kept about people, and for how long; and having it forgotten. See docs/privacy.md."""


@app.command("register")
def register(output: Format = "table") -> None:
    """List what is stored where and for how long, with the settings that are in force here.

    Example: buzzwatch privacy register --format json
    """
    rows = holdings(load_settings())
    if output == "json":
        typer.echo(printable_json([row.as_dict() for row in rows]))
        return
    head = "what", "where", "here kept for", "at most", "holds"
    print_table(head, ((row.what, row.where, row.kept, row.most, row.holds) for row in rows))


@app.command("forget")
def forget_command(
    author: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An author, by the id that tweets have; may be repeated.")
    ] = None,
    tweet: Annotated[list[str] | None, typer.Option(metavar="ID", help="A tweet; may be repeated.")] = None,
    cut_topics: Annotated[
        bool,
        typer.Option(
            "--cut-topics",
            help="Delete topics up to the last record found, with all that is older, instead of waiting for retention.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is there.")] = False,
    output: Format = "table",
) -> None:
    """Find all that is kept about an author or a tweet, and erase it.

    Erased at once: samples, the review queue, remembered predictions, what alerts and waiting notifications quote,
    labels (the topic is written anew without them), snapshots, work folders of retrainings, rows on open pages. Topics
    without compaction let nobody take out single records: what is left there, and until when, is said. Run it again
    after that moment, or use --cut-topics.

    An author's tweets are found as long as they are on a topic. Labels of older ones are found by --tweet.

    The exit status is 1 when something is left that should not be. The request goes to the topic `audit`, without
    the names.

    Examples:

      buzzwatch privacy forget --author 77 --dry-run

      buzzwatch privacy forget --author 77 --author at://did:plc:abc --tweet 1465

      buzzwatch privacy forget --tweet 1465 --cut-topics --format json
    """
    if not author and not tweet:
        raise BuzzwatchError("name an --author ID or a --tweet ID")
    if any(not one.strip() or len(one) > MAX_ID for one in (*(author or ()), *(tweet or ()))):
        raise BuzzwatchError(f"an --author or --tweet is empty, or has more than {MAX_ID} characters")
    settings = load_settings()
    subject = Subject.of(tweet or (), author or (), settings.privacy.secret)
    request = uuid.uuid4().hex[:12]
    asked = audit_event(
        "privacy.requested", f"request {request}", "asked to be forgotten",
        {"authors": len(author or ()), "tweets": len(tweet or ()), "cut topics": cut_topics},
    )  # fmt: skip
    done = _forget(settings, subject, cut_topics, None if dry_run else asked, request)
    if not dry_run:
        send_kept(settings, asked)
        _record(settings, done, len(author or ()))
    if output == "json":
        typer.echo(printable_json(done.as_dict()))
    else:
        _show(done)
    if done.left and not dry_run:
        raise typer.Exit(1)


def _forget(settings: Settings, subject: Subject, cut: bool, asked: AuditEvent | None, request: str) -> Forgotten:
    """Erase, or only find where nobody asked; that somebody did is in Redis before anything is erased."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with redis_client(settings) as client, progress_bar(*columns) as shown:
        task = shown.add_task("reading the topics")

        def progress(step: str) -> None:
            shown.update(task, description=step)

        if asked is not None:
            WaitingEvents(client, settings).keep(asked)
        dry_run = asked is None
        return forget(settings, client, subject, cut=cut, dry_run=dry_run, request=request, progress=progress)


def _record(settings: Settings, done: Forgotten, authors: int) -> None:
    figures: dict[str, Figure] = {
        "authors": authors,
        "tweets": done.tweets,
        "predictions": done.predictions,
        "records": sum(one.found for one in done.topics),
        "left": len(done.left),
        "until": None if done.until is None else done.until.isoformat(timespec="seconds"),
    }
    send_kept(settings, audit_event("privacy.forgotten", f"request {done.id}", "asked to be forgotten", figures))


def _show(done: Forgotten) -> None:
    typer.echo(
        f"request {done.id}: {done.tweets:,} tweets, {done.predictions:,} predictions"
        + (" (nothing was changed)" if done.dry_run else "")
    )
    rows = []
    for one in done.topics:
        until = "" if one.until is None else f" until {one.until:%Y-%m-%d %H:%M} UTC"
        rows.append((f"topic {one.topic}", f"{one.found:,}", f"{one.how}{until}"))
    for where, number in done.redis.items():
        rows.append((f"Redis: {where}", f"{number:,}", "erased" if number else "nothing there"))
    if not done.dry_run:
        for where, number in (("snapshots", done.snapshots), ("retrainings", done.retrainings)):
            rows.append((f"files: {where}", f"{number:,}", "written anew" if number and where == "snapshots" else ""))
    print_table(("where", "found", "what became of it"), rows)
    if done.dry_run:
        for line in done.left:
            typer.echo(f"to be erased: {line}")
        return
    if done.left:
        print_error(*(f"still there: {line}" for line in done.left))
