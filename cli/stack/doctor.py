"""`buzzwatch doctor`: is every part there, in which version, and what to do if not."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.table import Table
from rich.text import Text

from api.security.production import production_findings
from cli.output.console import table_console
from cli.output.options import Format
from contracts.printable import printable_json
from contracts.settings import load_settings
from local.doctor.checks import findings
from local.doctor.findings import Finding

app = typer.Typer(add_completion=False)

_STYLES: Final = {"ok": "green", "warning": "yellow", "broken": "bold red"}


@app.command()
def doctor(
    output: Format = "table",
    production: Annotated[
        bool, typer.Option("--production", help="List what is not safe yet in these settings, instead.")
    ] = False,
) -> None:
    """Examine every component; exit status 1 when one that is needed does not work, or with --production is not safe.

    Examples:

      buzzwatch doctor

      buzzwatch doctor --format json

      buzzwatch doctor --production
    """
    found: list[Finding] = []
    console = table_console(stderr=True)
    with console.status("examining") as status:  # shows nothing when piped
        settings = load_settings()
        for finding in production_findings(settings) if production else findings(settings):
            found.append(finding)
            status.update(f"examined {finding.component}")
    if output == "json":
        typer.echo(printable_json([finding._asdict() for finding in found]))
    else:
        # Piped, a table has no terminal to fit.
        table_console().print(_table(found))
    if any(finding.status == "broken" for finding in found):
        raise typer.Exit(1)


def _table(found: list[Finding]) -> Table:
    table = Table("component", "status", "version", box=None, header_style="bold")
    table.add_column("found", overflow="fold")
    table.add_column("what to do", overflow="fold")
    for finding in found:
        status = Text(finding.status, _STYLES[finding.status])
        table.add_row(finding.component, status, *(Text(cell) for cell in finding[2:]))
    return table
