"""`buzzwatch labels`: what people said about texts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn

from cli.output.console import print_error, print_table, progress_bar
from cli.output.moments import moment_ms
from cli.output.options import Encoding, Format, path
from cli.output.preconditions import redis_client
from contracts.errors import BuzzwatchError
from contracts.learning.labels import UNSIGNED, LabelEvent, is_judge_hash, judge_hash
from contracts.settings import Settings, load_settings
from learning.labels.bulk import read_label_file
from learning.labels.log import LabelWriter, read_labels, resolved_labels
from learning.labels.resolution import Resolution, resolve
from learning.labels.snapshot import write_snapshot
from learning.labels.stats import LabelStats, label_stats
from learning.labels.texts import PredictionTexts
from learning.review.queue import ReviewQueue

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Reason = Annotated[str | None, typer.Option(help="Why; it is kept.")]
_SHOWN = 20


@app.callback()
def _group() -> None:
    """What people said about texts: import, count, take back, write snapshots.

    Example: buzzwatch labels stats
    """


@app.command("import")
def import_file(
    file: Annotated[
        Path, typer.Argument(parser=path, metavar="FILE", help="JSONL, JSON, CSV or Parquet with `text` and `label`.")
    ],
    judge: Annotated[str, typer.Option(help="Who labelled them; a column `judge` says it row by row.")],
    batch: Annotated[
        str, typer.Option(metavar="NAME", help="Of this import: what was imported and retracted before counts again.")
    ] = "",
    encoding: Encoding = None,
) -> None:
    """Import labels from a file; the same file twice counts once.

    Needed: text and label (negative, neutral, positive). Read if there: id (the tweet's), prediction_id, judge. Texts
    are masked before they are sent. A file with a row that cannot be used is refused as a whole.

    Examples:

      buzzwatch labels import checked.csv --judge alice

      buzzwatch labels import checked.csv --judge alice --batch second-look
    """
    _check_judge(judge)
    settings = load_settings()
    events = read_label_file(file, judge, settings.privacy.secret, batch=batch, encoding=encoding, note=print_error)
    known = {one.label_id for one in read_labels(settings, _Passed())}
    new = [event for event in events if event.label_id not in known]
    _write(settings, new)
    typer.echo(f"imported {len(new):,} labels")
    if before := len(events) - len(new):
        print_error(
            f"{before:,} were imported before: each counts once, and not at all where it was retracted; "
            "with --batch NAME they are said anew"
        )


@app.command()
def stats(output: Format = "table") -> None:
    """Count what people said, and how far they agree.

    Judges are shown as hashes. The rules by which judgements become labels are in docs/learning.md.

    Examples:

      buzzwatch labels stats

      buzzwatch labels stats --format json
    """
    found = _stats(load_settings())
    if output == "json":
        typer.echo(json.dumps(found.as_dict(), indent=2))
        return
    _print_stats(found)


@app.command()
def retract(
    judge: Annotated[str, typer.Option(help="The name that was given with the judgements, or the hash in `stats`.")],
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only what came since: 2026-11-20T10:00:00Z, or 2h for 2 hours ago."),
    ] = None,
    reason: _Reason = None,
) -> None:
    """Take back what a judge said: the next training is as if it had never been said.

        What the judge says afterwards counts again.

        Examples:

          buzzwatch labels retract --judge alice --since 2h --reason "labelled another topic"

          buzzwatch labels retract --judge 5f0c6a1be2d34a77

    Sixteen zeros stand for what nobody signed.
    """
    _check_judge(judge)
    since_ms = moment_ms("--since", since)
    settings = load_settings()
    who = judge if is_judge_hash(judge) else judge_hash(judge, settings.privacy.secret)
    now = datetime.now(UTC)
    event = LabelEvent(
        label_id=uuid.uuid4(),
        kind="retraction",
        created_at=now,
        judge=who,
        since=None if since_ms is None else datetime.fromtimestamp(since_ms / 1000, UTC),
        reason=_kept(reason),
    )
    events = list(read_labels(settings, _Passed()))
    before = resolve(events, settings.learning).retracted
    count = resolve([*events, event], settings.learning).retracted - before
    if not count:
        when = "" if since is None else f" since {since}"
        raise BuzzwatchError(
            f"there is no judgement of judge {judge!r}{when} to retract; `buzzwatch labels stats` lists the judges"
        )
    _write(settings, [event])
    typer.echo(f"retracted {count:,} judgements of {who}")


@app.command()
def erase(
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Tweet ids or prediction ids.")],
    reason: _Reason = None,
) -> None:
    """Have all that was said about tweets forgotten; what is said about them later counts neither.

    Nothing of them gets into snapshots or models any more. The records stay on the topic, which is only ever added to.

    Example:

      buzzwatch labels erase 1465 --reason "asked for by its author"
    """
    if not all(one.strip() for one in ids):
        raise typer.BadParameter("ID: is empty, as an unset variable of a shell is")
    now = datetime.now(UTC)
    events = [
        LabelEvent(
            label_id=uuid.uuid4(),
            kind="erasure",
            created_at=now,
            tweet_id=None if _uuid(one) else one,
            prediction_id=_uuid(one),
            reason=_kept(reason),
        )
        for one in ids
    ]
    settings = load_settings()
    said = list(read_labels(settings, _Passed()))
    count = resolve([*said, *events], settings.learning).erased - resolve(said, settings.learning).erased
    _write(settings, events)
    with redis_client(settings) as client:
        ReviewQueue(client, settings).erase(ids)
        texts = PredictionTexts(client, settings)
        for one in ids:
            texts.forget(one)
    typer.echo(f"erased {count:,} judgements")
    judged = {
        str(name) for one in said if one.kind == "judgement" for name in (one.tweet_id, one.prediction_id) if name
    }
    for one in ids:
        if str(_uuid(one) or one) not in judged:
            typer.echo(f"{one}: nothing was said about it so far; what is said later will not count")


@app.command()
def snapshot(
    to: Annotated[
        Path | None,
        typer.Option(parser=path, metavar="FOLDER", help="Where to write it; `snapshots/` in the data folder."),
    ] = None,
) -> None:
    """Write the labels that hold as Parquet, named by the hash of what is in it.

    The same labels have the same name. Training reads snapshots: the same snapshot and seed give the same model.

    Examples:

      buzzwatch labels snapshot

      buzzwatch labels snapshot --to backups
    """
    settings = load_settings()
    found = resolved_labels(settings, _Passed())
    written = write_snapshot(found.labels, to or settings.snapshots)
    print_error(f"{len(found.labels):,} labels; left out: {_left_out(found)}")
    typer.echo(written)


class _Passed:
    """Names the first records that are no labels, and counts all."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, line: str) -> None:
        self.count += 1
        if self.count <= _SHOWN:
            print_error(line)
        elif self.count == _SHOWN + 1:
            print_error("more records are no labels and are passed over; `buzzwatch labels stats` counts them")


def _stats(settings: Settings) -> LabelStats:
    passed = _Passed()
    found = resolved_labels(settings, passed)
    return label_stats(found, passed.count)


def _left_out(found: Resolution) -> str:
    parts = {
        "without text": found.without_text,
        "without a label": found.without_label,
        "texts in conflict": found.conflicts,
        "of judges in quarantine": found.quarantined_judgements,
        "over the daily cap": found.capped,
        "retracted": found.retracted,
        "erased": found.erased,
    }
    return ", ".join(f"{count:,} {what}" for what, count in parts.items() if count) or "nothing"


def _print_stats(found: LabelStats) -> None:
    held = found.resolution
    rows = [
        ("judgements", f"{found.judgements:,} ({', '.join(f'{k} {v:,}' for k, v in found.sources.items()) or 'none'})"),
        ("texts with a label", f"{len(held.labels):,} ({', '.join(f'{k} {v:,}' for k, v in found.labels.items())})"),
        ("left out", _left_out(held)),
        ("judged by several", f"{held.judged_together:,} texts"),
    ]
    if held.kappa is not None:
        rows.append(("Cohen's kappa", f"{held.kappa:.3f} (two judges)"))
    if held.alpha is not None:
        rows.append(("Krippendorff's alpha", f"{held.alpha:.3f}"))
    for name, agreement in (("blind", found.blind), ("shown", found.shown)):
        if agreement.judged:
            share = agreement.same / agreement.judged
            rows.append((f"agree with the model, {name}", f"{share:.1%} of {agreement.judged:,}"))
    if found.unreadable:
        rows.append(("records that are no labels", f"{found.unreadable:,}"))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"{name:<{width}}  {value}")
    if found.judges:
        judges = []
        for judge in found.judges[:_SHOWN]:
            right = "" if judge.reliability is None else f"{judge.reliability:.0%}"
            name = judge.judge or f"{UNSIGNED} (nobody signed)"
            judges.append((name, f"{judge.judgements:,}", right, judge.newest[:19], judge.quarantined or ""))
        typer.echo()
        print_table(("judge", "judgements", "right", "newest", "quarantined"), judges)


def _write(settings: Settings, events: Sequence[LabelEvent]) -> None:
    columns = (TextColumn("writing"), BarColumn(), MofNCompleteColumn())
    with progress_bar(*columns, shown=len(events) > 1000) as progress:
        task = progress.add_task("", total=len(events))
        LabelWriter(settings).write(events, lambda count: progress.advance(task, count))


def _check_judge(judge: str) -> None:
    if not judge.strip():
        raise typer.BadParameter("--judge: is empty, as an unset variable of a shell is")


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text) if len(text) == 36 else None
    except ValueError:
        return None


def _kept(reason: str | None) -> str | None:
    if reason is not None and len(reason) > 500:
        raise typer.BadParameter("--reason: at most 500 characters")
    return reason
