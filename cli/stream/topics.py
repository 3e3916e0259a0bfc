"""`buzzwatch topics`: create, list and describe the topics."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from cli.output.console import print_table, table_console
from cli.output.options import Format
from contracts.settings import load_settings
from local.topics import TopicState, create_topics, describe_topics

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """The topics: create, list, describe.

    Example: buzzwatch topics list
    """


@app.command()
def create(output: Format = "table") -> None:
    """Create the topics that are missing, with their partitions, retention and size limits.

    A topic that exists stays as it is; what differs from the settings is reported.

    Examples:

      buzzwatch topics create

      BUZZWATCH_KAFKA__TOPICS__PARTITIONS=12 buzzwatch topics create
    """
    _show(create_topics(load_settings()), output)


@app.command("list")
def list_topics(output: Format = "table") -> None:
    """List the topics as they are on the broker.

    Example:

      buzzwatch topics list --format json
    """
    _show(describe_topics(load_settings()), output)


@app.command()
def describe(output: Format = "table") -> None:
    """Compare each topic with the settings; exit status 1 when one is missing or differs.

    Example:

      buzzwatch topics describe
    """
    states = describe_topics(load_settings())
    if output == "json":
        _show(states, output)
    else:
        table = Table("topic", "property", "is", "should be", box=None, header_style="bold")
        for state in states:
            expected = {"partitions": str(state.expected.partitions), **state.expected.config}
            here = {} if state.partitions is None else {"partitions": str(state.partitions), **state.config}
            for name, value in expected.items():
                is_now = here.get(name, "missing")
                style = "" if is_now == value else "bold red"
                table.add_row(*(Text(cell, style) for cell in (state.expected.name, name, is_now, value)))
        table_console().print(table)
    if any(state.state in ("missing", "differs") for state in states):
        raise typer.Exit(1)


def _show(states: Iterable[TopicState], output: str) -> None:
    if output == "json":
        typer.echo(json.dumps([_as_dict(state) for state in states], indent=2))
        return
    rows = []
    for state in states:
        kept_ms = int(state.config["retention.ms"]) if state.config else None
        kept = "" if kept_ms is None else "for ever" if kept_ms < 0 else f"{kept_ms / 3_600_000:g} h"
        partitions = "" if state.partitions is None else str(state.partitions)
        largest = state.config.get("max.message.bytes", "")
        rows.append((state.expected.name, state.state, partitions, kept, largest, "; ".join(state.differences)))
    print_table(("topic", "state", "partitions", "kept", "largest record", "differs"), rows)


def _as_dict(state: TopicState) -> dict[str, Any]:
    return {
        "topic": state.expected.name,
        "state": state.state,
        "partitions": state.partitions,
        "config": state.config,
        "differences": list(state.differences),
    }
