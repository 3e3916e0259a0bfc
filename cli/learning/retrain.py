"""`buzzwatch retrain`: from what people said to a challenger."""

from __future__ import annotations

import json
import signal
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Final, Literal

import typer
from rich.console import Console

from alerts.state.store import AlertStore
from cli.output.audited import audit_event, send_event
from cli.output.console import print_error
from cli.output.preconditions import redis_client
from cli.training.options import Description, Seed
from contracts.audit import audit_id, model_subject
from contracts.errors import BuzzwatchError, SettingsError
from contracts.printable import printable
from contracts.settings import Settings, load_settings
from contracts.times import clock_ms
from learning.estimate.evidence import evidence
from learning.estimate.findings import findings
from learning.estimate.judged import judged_accuracy
from learning.estimate.stream_figures import EVERYTHING, by_version, predictions, together
from learning.labels.log import resolved_labels
from learning.retraining.run import retrain as run_retraining
from learning.retraining.triggers import Due, is_due, learnt_until

_ESTIMATED_MS: Final = 3_600_000
"""Answers of so long are looked at for the estimate."""

app = typer.Typer(add_completion=False)

_EXAMPLES = """Retrain the champion with the labels that hold, and register the result as challenger.

A snapshot of the labels is taken, the champion's recipe learns from it and from the old data (files with labels by
people, as `buzzwatch train` reads them), is measured beside the champion on held-out texts and on the newest that were
drawn by chance, and is registered as `challenger` with a release note. The champion is not touched: `buzzwatch
models promote` asks the gate. One runs at a time; what was cut off goes on where it was.

Examples:

  buzzwatch retrain --data-dir data

  buzzwatch retrain --check

  buzzwatch retrain --if-due --estimate --data-dir data

  buzzwatch retrain --data-dir data --snapshot var/snapshots/labels-5d0e9c532f3c9f1f.parquet
"""


@app.command(help=_EXAMPLES)
def retrain(
    data_dir: Annotated[
        Path | None, typer.Option(envvar="BUZZWATCH_DATA_DIR", help="Folder of the old labelled tweets.")
    ] = None,
    description: Description = None,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it is due: status 0 if so, else 1.")] = False,
    if_due: Annotated[bool, typer.Option("--if-due", help="Do nothing unless it is due, with status 0.")] = False,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="With these: also for the estimated accuracy; reads the scored topic.")
    ] = False,
    snapshot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Learn from this snapshot, not from what holds now.")
    ] = None,
    seed: Seed = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew instead of going on with a run cut off.")] = False,
    output: Annotated[Literal["text", "json"], typer.Option("--format", help="The release note, or JSON.")] = "text",
) -> None:
    """Retrain."""
    settings = load_settings()
    reasons = ["asked for by hand"]
    if check or if_due:
        due = _due(settings, estimate=estimate)
        if check or not due.now:
            _print_due(due, output)
            raise typer.Exit(0 if due.now or (if_due and not check) else 1)
        reasons = due.reasons
        print_error(f"due: {'; '.join(reasons)}")
    if data_dir is None:
        raise SettingsError(
            "--data-dir: name the folder of the labelled tweets that the champion learnt from, or the like: from the "
            "new labels alone the model would forget what it knows"
        )
    signal.signal(signal.SIGTERM, _cancel)
    errors = Console(stderr=True)
    try:
        with errors.status("starting") as status:
            done = run_retraining(
                settings,
                data_dir,
                description=description,
                snapshot=snapshot,
                seed=seed,
                fresh=fresh,
                progress=status.update,
                report=print_error,
            )
    except KeyboardInterrupt:
        print_error("cancelled: the champion is untouched; the same command goes on where it was, --fresh begins anew")
        raise
    why, figures = "; ".join(reasons), {**done.figures, "worse on": done.worse}
    subject, event_id = model_subject(settings.mlflow.model_name, done.version), audit_id("retrained", done.key)
    send_event(settings, audit_event("model.retrained", subject, why, figures, event_id=event_id))
    if output == "json":
        found = {"version": done.version, "alias": done.alias, "worse": done.worse, "folder": str(done.folder)}
        typer.echo(json.dumps({**found, "release_note": done.note}, indent=2))
        return
    typer.echo(printable(done.note))
    print_error(
        f"{settings.mlflow.model_name} version {done.version} is {done.alias}; `buzzwatch models promote` asks the gate"
    )


def _cancel(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _due(settings: Settings, *, estimate: bool) -> Due:
    found = resolved_labels(settings, print_error)
    with redis_client(settings) as client:
        firing = AlertStore(client, settings).list("firing")
    worse = _worse_by_estimate(settings) if estimate else ()
    return is_due(found.labels, learnt_until(settings), firing, settings.learning, datetime.now(UTC), worse)


def _worse_by_estimate(settings: Settings) -> Sequence[str]:
    """What the estimate without labels says of the last hour; one that cannot be made says nothing."""
    now_ms = clock_ms()
    try:
        known = evidence(settings, settings.mlflow.alias)
        answered = predictions(settings, now_ms - _ESTIMATED_MS, now_ms)
        cells = by_version(answered, known.version).get(known.version, {})
        answers = together(part for (_, watch), part in cells.items() if watch == EVERYTHING)
        return findings(answers, known.calibration, known.reference, judged_accuracy(settings, known.version)).model
    except BuzzwatchError as error:
        print_error(f"without an estimate of the accuracy: {error}")
        return ()


def _print_due(due: Due, output: str) -> None:
    if output == "json":
        found = {"due": due.now, "reasons": due.reasons, "held_back": due.held_back, "new_labels": due.new_labels}
        typer.echo(json.dumps(found, indent=2))
        return
    if due.held_back:
        typer.echo(f"not now: {due.held_back}")
    elif due.reasons:
        typer.echo("due: " + "; ".join(due.reasons))
    else:
        typer.echo(f"not due: {due.new_labels:,} new labels, and no other reason")
