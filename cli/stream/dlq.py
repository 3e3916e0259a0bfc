"""`buzzwatch dlq`: what could not be read, why, and sending it back."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import typer
from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.output.console import print_error, print_table, progress_bar, refuse_to_steer, table_console
from cli.output.moments import period_ms
from cli.output.options import Format
from cli.output.preconditions import redis_client
from contracts.errors import BuzzwatchError
from contracts.printable import printable, printable_json
from contracts.settings import Settings, load_settings
from contracts.times import to_rfc3339
from stream.dead_letters.reader import (
    DeadLetter,
    checked_position,
    dead_letters,
    header,
    log_id,
    nothing_at,
    position_of,
    record_at,
    records,
    sent_at,
)
from stream.dead_letters.replay import Outcome, Replayer
from stream.dead_letters.replay_claims import ReplayLog
from stream.kafka.records import Record, headers_of

_UNKNOWN = "unknown"

app = typer.Typer(add_completion=False, no_args_is_help=True)

_LIST = """List the dead letters, newest last.

Examples:

  buzzwatch dlq list

  buzzwatch dlq list --error-class InvalidTweet --since 2h --format json
"""
_SHOW = """Show one dead letter: its headers, key and value.

Examples:

  buzzwatch dlq show 0:17

  buzzwatch dlq show 0:17 --raw > value.bin
"""
_REPLAY = """Send dead letters back to their topic, with their original key and bytes.

Each is sent once; --again sends those too that were replayed before. The dead letter stays where it is. What fails
again becomes a new dead letter with one more in `attempts`.

Examples:

  buzzwatch dlq replay 0:17 2:3

  buzzwatch dlq replay --error-class ModelFailure --since 2026-11-20T10:00:00Z --until 30m

  buzzwatch dlq replay --all --dry-run
"""
_ErrorClass = Annotated[
    Literal["UnreadableRecord", "InvalidTweet", "InvalidFeedback", "ImplausibleFeedback", "ModelFailure"] | None,
    typer.Option(help="Why it is a dead letter."),
]
_Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Not older: 2026-11-20T10:00:00Z, or 2h for two hours ago."),
]
_Until = Annotated[str | None, typer.Option(metavar="TIME", help="Older than this, likewise.")]
_SHOWN = 5


@app.callback()
def _group() -> None:
    """Dead letters: what could not be read, why, and sending it back.

    Example: buzzwatch dlq list
    """


@app.command("list", help=_LIST)
def list_letters(
    output: Format = "table",
    error_class: _ErrorClass = None,
    since: _Since = None,
    until: _Until = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
) -> None:
    """List dead letters."""
    first, end = period_ms(since, until)
    letters = (
        letter
        for letter in dead_letters(load_settings())
        if error_class in (None, letter.error_class)
        and (first is None or (letter.at or "") >= to_rfc3339(first))  # of one form, so that text sorts as time does
        and (end is None or (letter.at or "") < to_rfc3339(end))
    )
    newest, count = _newest(letters, limit)
    if output == "json":
        typer.echo(printable_json([letter.as_dict() for letter in newest]))
        return
    rows = []
    for letter in newest:
        start = " ".join((letter.value or "(null)").split())[:60]
        cells = (letter.position, (letter.at or _UNKNOWN)[:19], letter.error_class, letter.error, letter.source)
        rows.append((*cells, str(letter.attempts), str(letter.bytes), start))
    print_table(("position", "at", "class", "error", "source", "attempts", "bytes", "value"), rows)
    table_console().print(f"{len(newest)} of {count} dead letters", style="dim")


@app.command(help=_SHOW)
def show(
    position: Annotated[str, typer.Argument(help="As in the list: partition:offset.")],
    raw: Annotated[bool, typer.Option("--raw", help="Only the value's bytes, unchanged.")] = False,
) -> None:
    """Show one dead letter."""
    letter = record_at(load_settings(), position)
    if raw:
        as_it_came = letter.value() or b""
        if refuse_to_steer([as_it_came]):
            raise BuzzwatchError(
                "the value has control characters that would change your terminal: send it to a file or drop --raw"
            )
        typer.echo(as_it_came, nl=False)
        return
    rows = [("position", position_of(letter)), ("at", sent_at(letter) or _UNKNOWN)]
    rows += [(name, _shown(value)) for name, value in headers_of(letter)]
    rows += [("key", _shown(letter.key()))]
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{printable(name):<{width}}  {value}")
    typer.echo(f"\n{_shown(letter.value())}")


@app.command(help=_REPLAY)
def replay(
    positions: Annotated[list[str] | None, typer.Argument(metavar="POSITION", help="As in the list.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
    error_class: _ErrorClass = None,
    since: _Since = None,
    until: _Until = None,
    again: Annotated[bool, typer.Option("--again", help="Those too that were replayed before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print how many there are.")] = False,
) -> None:
    """Send dead letters back."""
    filtered = any(value is not None for value in (error_class, since, until))
    if sum((bool(positions), everything, filtered)) != 1:
        raise typer.BadParameter(
            "name the dead letters: positions, --all, or any of --error-class, --since and --until"
        )
    first, end = period_ms(since, until)
    checked = {checked_position(position) for position in positions or ()}
    settings = load_settings()

    def chosen() -> Iterator[Record]:
        missing = set(checked)
        for letter in records(settings):
            at = letter.timestamp()[1]
            if missing and position_of(letter) in missing:
                missing.discard(position_of(letter))
                yield letter
                if not missing:
                    return
            elif (
                not checked
                and error_class in (None, header(headers_of(letter), "error-class"))
                and (first is None or at >= first)
                and (end is None or at < end)
            ):
                yield letter
        if missing:
            raise BuzzwatchError(nothing_at(settings, min(missing)))

    _run(settings, chosen(), again=again, dry_run=dry_run)


def _newest(letters: Iterable[DeadLetter], limit: int) -> tuple[list[DeadLetter], int]:
    """The newest so many, newest last, and how many there are; holds only those, for each may have a megabyte."""
    count = 0

    def numbered() -> Iterator[tuple[str, int, DeadLetter]]:
        nonlocal count
        for letter in letters:
            count += 1
            yield letter.at or "", count, letter  # of two at the same time the one that arrived later is newer

    newest = heapq.nlargest(limit, numbered())
    return [letter for _, _, letter in reversed(newest)], count


def _run(settings: Settings, letters: Iterator[Record], *, again: bool, dry_run: bool) -> None:
    columns = (SpinnerColumn(), TextColumn("{task.completed:,.0f} dead letters"), TimeElapsedColumn())
    logging.getLogger("buzzwatch.stream").setLevel("ERROR")
    with redis_client(settings) as client:
        replayer = Replayer(settings, ReplayLog(client, settings, log_id(settings)), again=again)
        try:
            with progress_bar(*columns) as progress:
                task = progress.add_task("", total=None)
                if dry_run:
                    replayer.would_replay(letters)
                else:
                    replayer.replay(letters, lambda count: progress.advance(task, count))
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(130) from None  # as Typer ends a command that does not catch it
        finally:
            _print_outcome(replayer.outcome, dry_run=dry_run)
    failed = len(replayer.outcome.refused) + len(replayer.outcome.unsure)
    if failed:
        raise BuzzwatchError(f"dead letters not replayed: {failed:,}")


def _print_outcome(outcome: Outcome, *, dry_run: bool) -> None:
    typer.echo(f"{'would replay' if dry_run else 'replayed'} {outcome.replayed:,}")
    if outcome.before:
        typer.echo(f"skipped {outcome.before:,} that were replayed before (--again sends them)")
    for reason in outcome.refused[:_SHOWN]:
        print_error(f"not sent: {reason}")
    if outcome.unsure:
        some = " ".join(outcome.unsure[:_SHOWN]) + (" …" if len(outcome.unsure) > _SHOWN else "")
        typer.echo(
            f"unsure: {len(outcome.unsure):,} may have arrived when Kafka or a replay was cut off, or are being sent"
            f" by another one; look for them, or send them with --again: {some}",
            err=True,
        )


def _shown(value: bytes | str | None) -> str:
    if value is None:
        return "(null)"
    return printable(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)
