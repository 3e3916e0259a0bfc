"""`buzzwatch models shadow` and `models canary`: a challenger on trial beside the champion."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from cli.output.audited import audit_event
from cli.output.console import current_user, print_error, print_table, table_console
from cli.output.options import Format
from cli.output.preconditions import redis_client
from cli.training.audited import send_changes
from contracts.audit import AuditEvent, model_subject
from contracts.events import SENTIMENTS
from contracts.printable import printable, printable_line
from contracts.settings import Settings, load_settings
from contracts.times import to_rfc3339
from learning.rollout import trials
from learning.rollout.state import RolloutStatus, TrialStore
from training.registry.promotion import CHALLENGER, Promoted
from training.registry.promotion import promote as promote_version

shadow = typer.Typer(add_completion=False, no_args_is_help=True)
canary = typer.Typer(add_completion=False, no_args_is_help=True)

_Version = Annotated[str, typer.Argument(help="Version number or alias.")]
_Why = Annotated[str, typer.Option(metavar="REASON", help="For the topic `audit`.")]


@shadow.callback()
def _shadow() -> None:
    """Let a challenger look at the tweets beside the champion; its answers go nowhere but into figures.

    Example: buzzwatch models shadow start
    """


@canary.callback()
def _canary() -> None:
    """Let a challenger answer a share of the tweets, in steps, and roll it back by itself where it is worse.

    Example: buzzwatch models canary start
    """


@shadow.command("start")
def start_shadow(version: _Version = CHALLENGER, why: _Why = "") -> None:
    """Score what the champion scores, within a share of processor time; workers follow within seconds.

    Examples:

      buzzwatch models shadow start

      buzzwatch models shadow start 7 --why "learnt from this week's judgements"
    """
    settings = load_settings()
    with _store(settings) as store:
        state = trials.start_shadow(settings, store, version, current_user(), why)
    print_error(f"version {state.version} is in shadow; see `buzzwatch models shadow status`")


@shadow.command("stop")
def stop_shadow(why: _Why = "") -> None:
    """End the shadow; its figures stay readable.

    Example:

      buzzwatch models shadow stop
    """
    settings = load_settings()
    with _store(settings) as store:
        state = trials.end_trial(store, "shadow", current_user(), why)
    print_error(f"the shadow of version {state.version} has ended")


@canary.command("start")
def start_canary(version: _Version = CHALLENGER, why: _Why = "") -> None:
    """Begin with the first step of BUZZWATCH_ROLLOUT__CANARY_STEPS; a shadow of the same version goes over into it.

    Examples:

      buzzwatch models canary start

      buzzwatch models canary start 7 --why "agrees on 96 % in shadow"
    """
    settings = load_settings()
    with _store(settings) as store:
        state = trials.start_canary(settings, store, version, current_user(), why)
    share = trials.share_of(state, settings)
    print_error(f"version {state.version} answers {share:.0%} of the tweets; see `buzzwatch models canary status`")


@canary.command()
def abort(why: _Why = "") -> None:
    """End the canary: the champion answers everything again within seconds.

    Example:

      buzzwatch models canary abort --why "it calls every question a complaint"
    """
    settings = load_settings()
    with _store(settings) as store:
        state = trials.end_trial(store, "canary", current_user(), why or "aborted by a person")
    print_error(f"version {state.version} is rolled back: version {state.champion} answers everything")


@canary.command()
def promote(
    force: Annotated[str | None, typer.Option(metavar="REASON", help="Although the gate refuses; kept.")] = None,
    why: _Why = "",
) -> None:
    """Make the challenger of the canary champion now, if the gate of `models promote` lets it pass.

    Example:

      buzzwatch models canary promote --why "better on 2,000 judged tweets"
    """
    settings = load_settings()
    with _store(settings) as store:
        _, state = store.read()
        if state is None or state.phase != "canary":
            raise trials.TrialError("there is no canary to promote; see `buzzwatch models canary status`")

        def event(done: Promoted) -> AuditEvent:
            subject = model_subject(settings.mlflow.model_name, done.version)
            return audit_event("model.promoted", subject, why or force or "", {"replaced": done.replaced})

        promote_version(settings, state.version, force=force, event=event)
        send_changes(settings)
        trials.note_promoted(store, state.id, current_user(), why)
    print_error(f"version {state.version} is the champion now, after version {state.champion}")


@shadow.command("status")
def shadow_status(output: Format = "table") -> None:
    """Agreement, confusion, accuracy of both on judged tweets, time, errors.

    Examples:

      buzzwatch models shadow status

      buzzwatch models shadow status --format json
    """
    _status(output)


@canary.command("status")
def canary_status(output: Format = "table") -> None:
    """The step, what it waits for, and the figures of `shadow status`.

    Example:

      buzzwatch models canary status
    """
    _status(output)


@contextmanager
def _store(settings: Settings) -> Iterator[TrialStore]:
    with redis_client(settings) as client:
        yield TrialStore(client, settings)


def _status(output: str) -> None:
    settings = load_settings()
    with _store(settings) as store:
        status = store.status()
    if output == "json":
        typer.echo(printable(json.dumps(as_json(status, settings))))
        return
    if status.state is None:
        print_error("no challenger has been on trial; `buzzwatch models shadow start` begins")
        return
    table = Table("", "", box=None, show_header=False)
    for name, value in _rows(status, settings):
        table.add_row(Text(name, "bold"), Text(printable_line(value)))
    table_console().print(table)
    if status.counts.compared:
        rows = zip(SENTIMENTS, status.counts.confusion.tolist(), strict=True)
        counts = ((label, *(f"{number:,}" for number in row)) for label, row in rows)
        print_table(("champion \\ challenger", *SENTIMENTS), counts)


def as_json(status: RolloutStatus, settings: Settings) -> dict[str, Any]:
    """All of the status."""
    state, counts = status.state, status.counts
    if state is None:
        return {"state": None}
    return {
        "state": {
            "id": state.id,
            "phase": state.phase,
            "version": state.version,
            "champion": state.champion,
            "share": trials.share_of(state, settings),
            "step": state.step + 1 if state.phase == "canary" else None,
            "steps": settings.rollout.canary_steps,
            "started_at": to_rfc3339(state.started_ms),
            "changed_at": to_rfc3339(state.step_ms),
            "who": state.who,
            "why": state.why,
            "refused": state.refused or None,
        },
        "waits_for": trials.still_missing(status, settings),
        "scored": counts.offered,
        "compared": counts.compared,
        "agreement": counts.agreement,
        "confusion": counts.confusion.tolist(),
        "answered": counts.answered,
        "errors": counts.errors,
        "last_error": counts.last_error or counts.trouble or None,
        "challenger_ms": counts.challenger_ms,
        "champion_ms": counts.champion_ms,
        "verdicts": status.verdicts,
        "errors_in_a_row": status.streak,
    }


def _rows(status: RolloutStatus, settings: Settings) -> Iterator[tuple[str, str]]:
    state, counts = status.state, status.counts
    assert state is not None
    yield "challenger", f"version {state.version}, {state.phase}, against version {state.champion}"
    yield "since", f"{to_rfc3339(state.started_ms)}, last change {to_rfc3339(state.step_ms)} by {state.who}"
    if state.why:
        yield "why", state.why
    if state.phase == "canary":
        step = f"step {state.step + 1} of {settings.rollout.canary_steps}"
        yield "answers", f"{trials.share_of(state, settings):.0%} of the tweets, {counts.answered:,} so far ({step})"
        yield "waits for", "; ".join(trials.still_missing(status, settings)) or "the next look"
    agree = "–" if counts.agreement is None else f"{counts.agreement:.1%}"
    yield "compared", f"{counts.compared:,} of {counts.offered:,} tweets, the same label on {agree}"
    for name, value in (("challenger", counts.challenger_ms), ("champion, all it does", counts.champion_ms)):
        if value is not None:
            yield f"time ({name})", f"{value:.4f} ms a tweet"
    if counts.errors or counts.trouble:
        yield "errors", f"{counts.errors:,}; the last: {counts.trouble or counts.last_error}"
    if not status.verdicts:
        yield "verdict", "not known yet: no worker has evaluated judged tweets so far"
    for one in status.verdicts:
        yield f"verdict, {one['metric']}", f"{one['outcome']}: {one['why']}"
