"""`buzzwatch models`: which versions there are, which one serves, and changing that."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

from cli.output.console import print_error, table_console
from contracts.printable import printable_line
from contracts.settings import load_settings
from training.registry.promotion import CHALLENGER, Version, list_versions
from training.registry.promotion import promote as promote_version
from training.registry.promotion import rollback as roll_back
from training.registry.promotion_gate import Comparison

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Format = Annotated[Literal["table", "json"], typer.Option("--format", help="Rows for people or JSON.")]
_SHOWN = ("airline.accuracy", "airline.macro_recall", "semeval.macro_recall", "sentiment140.binary_accuracy")


@app.callback()
def _group() -> None:
    """The registered models: list, promote, roll back.

    Example: buzzwatch models list
    """


@app.command("list")
def list_models(output: _Format = "table") -> None:
    """List the registered versions, newest first, with aliases and held-out figures.

    Examples:

      buzzwatch models list

      buzzwatch models list --format json
    """
    versions = list_versions(load_settings())
    if output == "json":
        typer.echo(json.dumps([asdict(version) for version in versions]))
        return
    table = Table("version", "aliases", "family", "registered", *_SHOWN, "promoted", box=None, header_style="bold")
    for one in versions:
        table.add_row(*(Text(printable_line(cell)) for cell in _cells(one)))
    table_console().print(table)


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
    output: _Format = "table",
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
    done = promote_version(load_settings(), version, force=force, on=on or ())
    if output == "json":
        comparisons = [comparison.as_json() for comparison in done.comparisons]
        typer.echo(json.dumps({**done._asdict(), "comparisons": comparisons}))
        return
    if done.comparisons:
        table_console().print(_comparisons(done.comparisons))
    print_error(
        f"version {done.version} is the champion now" + (f", after version {done.replaced}" if done.replaced else "")
    )
    if done.refused:
        print_error(f"the gate had refused it: {done.refused}")


@app.command()
def rollback(output: _Format = "table") -> None:
    """Let the version serve again that served last; a second time goes one step further.

    Whoever moved the alias, what served is known. A version that was deleted or cannot be loaded is passed over.

    Example:

      buzzwatch models rollback
    """
    done = roll_back(load_settings())
    if output == "json":
        passed_over = {"passed_over": done.refused} if done.refused else {}
        typer.echo(json.dumps({"version": done.version, "replaced": done.replaced, **passed_over}))
    else:
        instead = f", instead of version {done.replaced}" if done.replaced else ""
        print_error(f"version {done.version} is the champion again{instead}")
        if done.refused:
            print_error(f"passed over: {done.refused}")


def _cells(one: Version) -> tuple[str, ...]:
    figures = (f"{one.figures[name]:.3f}" if name in one.figures else "–" for name in _SHOWN)
    promoted = (one.promoted_at or "–") + (f", forced: {one.forced}" if one.forced else "")
    return one.version, ", ".join(one.aliases), one.family, one.created_at, *figures, promoted


def _comparisons(comparisons: list[Comparison]) -> Table:
    table = Table("held out", "figure", "n", "champion", "challenger", "difference", box=None, header_style="bold")
    for one in comparisons:
        interval = f"{one.low:+.4f} to {one.high:+.4f}"
        cells: tuple[Any, ...] = (one.where, one.figure, f"{one.n:,}", f"{one.champion:.4f}", f"{one.challenger:.4f}")
        table.add_row(*cells, interval)
    return table


def _say(line: str) -> None:
    print_error(line)
