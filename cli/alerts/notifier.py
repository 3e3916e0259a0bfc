"""`buzzwatch notifier`: the delivery process."""

from __future__ import annotations

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def notifier() -> None:
    """Deliver alerts to the receivers of the rules file, until Ctrl-C or SIGTERM.

    Several may run at once and share the work. Health and metrics: port BUZZWATCH_ALERTS__METRICS_PORT.

    Examples:

      buzzwatch notifier

      BUZZWATCH_RULES=rules.yaml buzzwatch notifier
    """
    from bootstrap.notifier import run_notifier
    from contracts.settings import load_settings

    run_notifier(load_settings())
