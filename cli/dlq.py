"""`buzzwatch dlq`: what could not be read, and why."""

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from contracts.settings import load_settings
from stream.dead_letter_log import dead_letters

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Dead letters: what could not be read, and why.")

_EXAMPLES = """List the dead letters, newest last.

Examples:

  buzzwatch dlq list

  buzzwatch dlq list --error-class InvalidTweet --format json
"""


@app.callback()
def _group() -> None:
    """Dead letters."""


@app.command("list", help=_EXAMPLES)
def list_letters(
    output: Annotated[Literal["table", "json"], typer.Option("--format")] = "table",
    error_class: Annotated[
        str | None, typer.Option(help="UnreadableRecord, InvalidTweet, InvalidFeedback or ModelFailure.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
) -> None:
    """List dead letters."""
    letters = [letter for letter in dead_letters(load_settings()) if error_class in (None, letter.error_class)]
    newest = sorted(letters, key=lambda letter: letter.at)[-limit:]
    if output == "json":
        typer.echo(json.dumps([letter.as_dict() for letter in newest], ensure_ascii=False, indent=2))
        return
    table = Table(
        "position", "at", "class", "error", "source", "attempts", "bytes", "value", box=None, header_style="bold"
    )
    for letter in newest:
        start = " ".join((letter.value or "(null)").split())[:60]
        cells = (letter.position, letter.at[:19], letter.error_class, letter.error, letter.source)
        table.add_row(*(Text(cell) for cell in (*cells, str(letter.attempts), str(letter.bytes), start)))
    console = Console()
    console.print(table)
    console.print(f"{len(newest)} of {len(letters)} dead letters", style="dim")
