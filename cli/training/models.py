"""`buzzwatch models`: which versions there are, which one serves, and changing that."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from cli.learning.estimate import estimate
from cli.learning.held_out import held_out
from cli.output.audited import audit_event
from cli.output.console import print_error, print_table
from cli.output.options import Format
from cli.training.audited import send_changes
from cli.training.rollout import canary, shadow
from contracts.audit import AuditEvent, Figure, model_subject
from contracts.settings import Settings, load_settings
from training.registry.archive import Archived, restore
from training.registry.archive import archive as archive_version
from training.registry.promotion import CHALLENGER, Promoted, Version, list_versions
from training.registry.promotion import promote as promote_version
from training.registry.promotion import rollback as roll_back
from training.registry.promotion_gate import Comparison

app = typer.Typer(add_completion=False, no_args_is_help=True)
app.add_typer(shadow, name="shadow")
app.add_typer(canary, name="canary")
app.command()(estimate)
app.command("held-out")(held_out)

_By = Annotated[str | None, typer.Option(metavar="NAME", help="Who does it, for the topic `audit`; by default you.")]
_SHOWN = ("airline.accuracy", "airline.macro_recall", "semeval.macro_recall", "sentiment140.binary_accuracy")


@app.callback()
def _group() -> None:
    """The registered models: list, try beside the champion, promote, roll back, archive.

    What is done is on the topic `audit`.

    Example: buzzwatch models list
    """


@app.command("list")
def list_models(output: Format = "table") -> None:
    """List the registered versions, newest first, with aliases and held-out figures.

    Examples:

      buzzwatch models list

      buzzwatch models list --format json
    """
    settings = load_settings()
    versions = list_versions(settings)
    send_changes(settings)
    if output == "json":
        typer.echo(json.dumps([asdict(version) for version in versions]))
        return
    print_table(("version", "aliases", "family", "registered", *_SHOWN, "promoted"), map(_cells, versions))


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="Version number or alias.")] = CHALLENGER,
    force: Annotated[
        str | None, typer.Option(metavar="REASON", help="Promote although the gate refuses; the reason is kept.")
    ] = None,
    on: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Compare on these labelled tweets instead, which neither has learnt from."),
    ] = None,
    by: _By = None,
    output: Format = "table",
) -> None:
    """Let a version serve, if it is not worse than the champion on any held-out set or slice.

    Both carry predictions on held-out texts that neither has learnt from; they are compared row by row, by a paired
    bootstrap. With --on both score your own labelled tweets instead, which models trained on different data need.
    Labels by people judge; those by emoticons are shown only. Workers and API follow within seconds.

    Examples:

      buzzwatch models promote

      buzzwatch models promote 7

      buzzwatch models promote 7 --on mine.csv

      buzzwatch models promote 7 --force "the champion cannot read the new emoji"
    """
    settings = load_settings()

    def event(done: Promoted) -> AuditEvent:
        reason = f"forced: {force}; the gate: {done.refused}" if done.refused else "the gate let it pass"
        figures: dict[str, Figure] = {"replaced": done.replaced}
        for one in done.comparisons:
            if one.judges and " / " not in one.where:
                figures[f"{one.where} {one.figure}"] = round(one.challenger - one.champion, 4)
        return _event(settings, "model.promoted", done.version, reason, figures, by)

    done = promote_version(settings, version, force=force, on=on or (), event=event)
    send_changes(settings)
    if output == "json":
        comparisons = [comparison.as_json() for comparison in done.comparisons]
        typer.echo(json.dumps({**done._asdict(), "comparisons": comparisons}))
        return
    if done.comparisons:
        head = "held out", "figure", "n", "champion", "challenger", "difference"
        print_table(head, map(_compared, done.comparisons))
    print_error(
        f"version {done.version} is the champion now" + (f", after version {done.replaced}" if done.replaced else "")
    )
    if done.refused:
        print_error(f"the gate had refused it: {done.refused}")


@app.command()
def rollback(
    why: Annotated[str, typer.Option(metavar="REASON", help="For the topic `audit`.")] = "",
    by: _By = None,
    output: Format = "table",
) -> None:
    """Let the version serve again that served last; a second time goes one step further.

    Whoever moved the alias, what served is known. A version that was deleted, archived or cannot be loaded is passed
    over.

    Examples:

      buzzwatch models rollback

      buzzwatch models rollback --why "it calls every question a complaint"
    """
    settings = load_settings()

    def event(done: Promoted) -> AuditEvent:
        figures: dict[str, Figure] = {"replaced": done.replaced, "passed_over": done.refused}
        return _event(settings, "model.rolled_back", done.version, why, figures, by)

    done = roll_back(settings, event)
    send_changes(settings)
    if output == "json":
        passed_over = {"passed_over": done.refused} if done.refused else {}
        typer.echo(json.dumps({"version": done.version, "replaced": done.replaced, **passed_over}))
    else:
        instead = f", instead of version {done.replaced}" if done.replaced else ""
        print_error(f"version {done.version} is the champion again{instead}")
        if done.refused:
            print_error(f"passed over: {done.refused}")


@app.command()
def archive(
    version: Annotated[str, typer.Argument(help="Version number or alias.")],
    why: Annotated[str, typer.Option(metavar="REASON", help="Kept with it, and on the topic `audit`.")] = "",
    undo: Annotated[bool, typer.Option("--undo", help="Let it be promoted again.")] = False,
    output: Format = "table",
) -> None:
    """Set a version aside: it loses its aliases, and is neither promoted nor rolled back to.

    It stays in MLflow with its files. The champion cannot be archived.

    Examples:

      buzzwatch models archive 5 --why "learnt from a poisoned batch"

      buzzwatch models archive 5 --undo
    """
    settings = load_settings()

    def event(done: Archived) -> AuditEvent:
        what = "model.restored" if undo else "model.archived"
        return _event(settings, what, done.version, why, {"aliases": ", ".join(done.aliases) or None})

    done = restore(settings, version, event) if undo else archive_version(settings, version, why, event)
    send_changes(settings)
    if output == "json":
        typer.echo(json.dumps({"version": done.version, "archived": not undo, "aliases": done.aliases}))
        return
    lost = f"; it is no longer {', '.join(done.aliases)}" if done.aliases else ""
    print_error(f"version {done.version} is {'no longer archived' if undo else 'archived'}{lost}")


def _event(
    settings: Settings, what: str, version: str, why: str, figures: Mapping[str, Figure], by: str | None = None
) -> AuditEvent:
    return audit_event(what, model_subject(settings.mlflow.model_name, version), why, figures, who=by)


def _cells(one: Version) -> tuple[str, ...]:
    figures = (f"{one.figures[name]:.3f}" if name in one.figures else "–" for name in _SHOWN)
    promoted = (one.promoted_at or "–") + (f", forced: {one.forced}" if one.forced else "")
    promoted += f"; archived {one.archived_at}" if one.archived_at else ""
    return one.version, ", ".join(one.aliases), one.family, one.created_at, *figures, promoted


def _compared(one: Comparison) -> tuple[str, ...]:
    interval = f"{one.low:+.4f} to {one.high:+.4f}"
    return one.where, one.figure, f"{one.n:,}", f"{one.champion:.4f}", f"{one.challenger:.4f}", interval
