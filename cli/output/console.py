"""Standard output and standard error for people: text of others cannot steer the terminal.

Whatever is printed through these is escaped, so that no command can forget it. Tables are as wide as the terminal, and
wide enough for whole rows when piped.
"""

from __future__ import annotations

import errno
import getpass
import os
import select
import sys
from collections.abc import Iterable, Sequence
from typing import Final

import typer
from rich.box import SIMPLE
from rich.console import Console, ConsoleOptions, ConsoleRenderable, RenderHook, RenderResult
from rich.markup import escape
from rich.progress import Progress, ProgressColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from contracts.printable import printable, printable_line
from contracts.redaction import redacted

_PIPED_COLUMNS: Final = 220


class _Printable:
    """What another renderable shows, escaped; rich's own colours and movements stay."""

    def __init__(self, shown: ConsoleRenderable) -> None:
        self._shown = shown

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for segment in console.render(self._shown, options):
            yield segment if segment.control else Segment(printable(segment.text), segment.style)


class _EscapeAll(RenderHook):
    def process_renderables(self, renderables: list[ConsoleRenderable]) -> list[ConsoleRenderable]:
        return [_Printable(one) for one in renderables]


def table_console(*, stderr: bool = False) -> Console:
    """A console on standard output, or on standard error."""
    file = sys.stderr if stderr else sys.stdout
    console = Console(stderr=stderr, width=None if file.isatty() else _PIPED_COLUMNS)
    console.push_render_hook(_EscapeAll())
    return console


def listing(*columns: str, whole: str) -> Table:
    """A table whose cells are wrapped, but for those of the column `whole`: an id that is copied from there."""
    table = Table(box=SIMPLE)
    for name in columns:
        table.add_column(name, no_wrap=name == whole, overflow="ellipsis" if name == whole else "fold")
    return table


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], caption: str | None = None) -> None:
    """A table of text on standard output: each cell on one line, in which brackets are no markup."""
    table = Table(*head, box=None, header_style="bold", caption=caption)
    for cells in rows:
        table.add_row(*(Text(printable_line(one)) for one in cells))
    table_console().print(table)


def progress_bar(*columns: ProgressColumn, shown: bool = True) -> Progress:
    """On the terminal for as long as it runs, nowhere else."""
    console = table_console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not (shown and console.is_terminal))


def print_error(*lines: str) -> None:
    """Lines on standard error, without credentials and escaped."""
    for line in lines:
        typer.echo(printable(redacted(line)), err=True)


def end_without_reader() -> None:
    """For a command that waits for more: the end once nobody reads what it writes, as of `tail -f`.

    Raises:
        BrokenPipeError: the other end of the pipe that standard output is has been closed.
    """
    waiting = select.poll()
    waiting.register(sys.stdout.fileno(), 0)  # an error is reported unasked
    if any(event & select.POLLERR for _, event in waiting.poll(0)):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def refuse_to_steer(values: Iterable[bytes]) -> bool:
    """Whether these bytes, written as they are, would steer the terminal that standard output is."""
    return sys.stdout.isatty() and any(
        printable(text) != text for text in (value.decode("utf-8", "replace") for value in values)
    )


def cell(text: str) -> str:
    """Printable for a cell of a table, where brackets are no markup either."""
    return escape(printable(text))


def current_user() -> str:
    """The name of the user; in a container that runs under a number without a name, that number."""
    try:
        return getpass.getuser()[:200] or "unknown"
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
