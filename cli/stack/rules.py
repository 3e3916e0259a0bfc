"""`buzzwatch rules`: is a rules file well, before anything works by it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from alerts.receivers.checks import receivers_can_be_reached
from alerts.rules.checks import kept_long_enough
from contracts.rules.file import load_rules
from contracts.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _group() -> None:
    """The rules file: watches, themes, rules, receivers and routes.

    Example: buzzwatch rules check rules.yaml
    """


@app.command()
def check(
    file: Annotated[Path | None, typer.Argument(help="A rules file; that of BUZZWATCH_RULES when not given.")] = None,
    receivers: Annotated[
        bool, typer.Option("--receivers/--no-receivers", help="Whether the notifier could speak to the receivers, too.")
    ] = True,
) -> None:
    """Name every mistake of a rules file, each with its line; exit status 1 when there is one. Nothing is sent.

    Examples:

      buzzwatch rules check

      buzzwatch rules check rules.yaml --no-receivers
    """
    settings = load_settings()
    path = file or settings.rules
    rules = load_rules(path, kept_long_enough(settings.alerts), *((receivers_can_be_reached,) if receivers else ()))
    enabled = sum(rule.enabled for rule in rules.rules)
    typer.echo(
        f"{path} is well: {len(rules.watches)} watches, {len(rules.themes)} themes, {len(rules.rules)} rules "
        f"({enabled} enabled), {len(rules.receivers)} receivers"
    )
