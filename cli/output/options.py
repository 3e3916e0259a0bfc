"""Options that commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of a text file that is not UTF-8: latin-1, cp1252, utf-16-le, …"),
]
Format = Annotated[Literal["table", "json"], typer.Option("--format", help="Rows for people or JSON.")]
PageFormat = Annotated[
    Literal["table", "json", "markdown"], typer.Option("--format", help="Rows for people, JSON, or for a page.")
]


def path(text: str) -> Path:
    """What a command was given as a file. An empty text is the current folder to `pathlib`, with all that is in it.

    Raises:
        typer.BadParameter: it is empty, as an unset variable of a shell is.
    """
    if not text:
        raise typer.BadParameter("is empty: name a file, or - for standard input")
    return Path(text)


DATA_HELP = "JSONL, JSON, CSV or Parquet: a file, a folder of parts or a pipe."


def taking_groups(command: Callable[..., None]) -> Callable[..., None]:
    """A command that takes dataclasses of options: typer sees their fields, behind the command's own options."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, type[Any]] = {
        name: kind for name, kind in hints.items() if isinstance(kind, type) and is_dataclass(kind)
    }
    own = [
        given.replace(kind=given.KEYWORD_ONLY, annotation=hints[name])
        for name, given in inspect.signature(command).parameters.items()
        if name not in groups
    ]
    for kind in groups.values():
        kinds = get_type_hints(kind, include_extras=True)
        for one in fields(kind):
            default = inspect.Parameter.empty if one.default is MISSING else one.default
            shown = inspect.Parameter(
                one.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kinds[one.name]
            )
            own.append(shown)
    options = sorted(own, key=lambda one: one.default is not one.empty)  # what is required first, else as they stand

    @wraps(command)
    def flat(**given: Any) -> None:
        for name, kind in groups.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        command(**given)

    flat.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    flat.__annotations__ = {one.name: one.annotation for one in options}
    return flat
