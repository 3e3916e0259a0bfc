"""`buzzwatch alerts backtest`: the rules over recorded tweets, in the tweets' own time."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import rich.box
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from alerts.state.alert import Alert
from cli.output.console import table_console
from cli.output.options import DATA_HELP, Encoding, Format, path
from contracts.errors import BuzzwatchError
from contracts.printable import printable_json
from contracts.rules.file import load_rules
from contracts.rules.schema import BadBuzz, Rules
from contracts.settings import load_settings

EXAMPLES = """Run the rules over recorded tweets, in the tweets' own time.

The file has columns or fields `text` and `created_at` (or `date`), and optionally `sentiment`; tweets without one are
scored with the model. With `received_at`, tweets that came late fill the past only, as live. Tweets in a language that
the model does not know are no bad buzz, as live: `reliable` says so, where it is missing `lang`, else the text of a
tweet without a sentiment. Rows that cannot be used are left out, counted and named. Rules about judgements need
feedback and are not run; drift needs tweets that are scored here.

Examples:

  buzzwatch alerts backtest --data tweets.parquet

  buzzwatch alerts backtest --data tweets.csv --rules rules.yaml --format json

  buzzwatch alerts backtest --data tweets.jsonl --plot buzz.html

  buzzwatch alerts backtest --data tweets.parquet --tune
"""


def backtest(
    data: Annotated[Path, typer.Option(parser=path, metavar="PATH", help=DATA_HELP)],
    rules: Annotated[Path | None, typer.Option(help="A rules file; by default that of BUZZWATCH_RULES.")] = None,
    model: Annotated[
        str | None, typer.Option(metavar="FOLDER|URI", help="What scores tweets without a sentiment.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw share, volume, baseline and alerts: .html or .png.")] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Alerts a week and delay over a grid of thresholds instead.")
    ] = False,
    encoding: Encoding = None,
    output: Format = "table",
) -> None:
    """Run the rules over recorded tweets."""
    # Here, so that the other commands of `alerts` do not wait for compiled code.
    from cli.backtest.recorded_tweets import read_recorded
    from cli.backtest.run import Backtest

    settings = load_settings()
    checked = _checked_rules(rules or settings.rules, plot=plot, tune=tune)
    errors = table_console(stderr=True)
    begin = time.perf_counter()
    recorded = read_recorded(data, encoding)
    for line in recorded.complaints():
        errors.print(f"{data}: {line}", markup=False, highlight=False, soft_wrap=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def progress(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        run = Backtest(checked, recorded, settings, model, progress)
        if tune:
            from cli.backtest.tune import tuned

            rows = tuned(run, progress)
        else:
            found = run.alerts()
    _print_unreliable(run.unreliable, errors)
    if tune:
        _show_tuned(rows, output)
        return
    seconds = time.perf_counter() - begin
    number = len(recorded.texts)
    errors.print(
        f"{number:,} tweets of {run.days:.1f} days in {seconds:.1f} s ({number / seconds:,.0f} a second), "
        f"{len(found)} alert{'' if len(found) == 1 else 's'}",
        markup=False,
        highlight=False,
    )
    _show(found, output)
    if plot is not None:
        from cli.backtest.plot import draw

        draw(run, found, plot)


def _print_unreliable(tweets: int, errors: Console) -> None:
    if tweets:
        errors.print(
            f"{tweets:,} tweets are in a language that the model does not know: they cause no bad buzz "
            "unless a rule has include_unreliable: true",
            highlight=False,
            soft_wrap=True,
        )


def _show(alerts: list[Alert], output: str) -> None:
    if output == "json":
        typer.echo(printable_json([_public(alert) for alert in alerts]))
    elif alerts:
        table_console().print(_table(alerts))


def _checked_rules(path: Path, *, plot: Path | None, tune: bool) -> Rules:
    """The rules file.

    Raises:
        BuzzwatchError: the options contradict each other or the rules.
    """
    if plot is not None and plot.suffix.lower() not in (".html", ".png"):
        raise BuzzwatchError(f"--plot: {plot} must end in .html or .png")
    if plot is not None and tune:
        raise BuzzwatchError("--plot draws the rules as they are: leave out --tune")
    rules = load_rules(path)
    if tune and not any(isinstance(rule, BadBuzz) and rule.enabled for rule in rules.rules):
        raise BuzzwatchError(f"--tune: {path} has no bad_buzz rule that is enabled")
    return rules


def _public(alert: Alert) -> dict[str, Any]:
    shown = alert.public()
    return {
        "alertname": alert.labels["alertname"],
        **{name: shown[name] for name in ("labels", "startsAt", "endsAt", "value")},
    }


def _table(alerts: list[Alert]) -> Table:
    table = Table("alert", "labels", "starts", "ends", "value", box=rich.box.SIMPLE)
    for alert in alerts:
        shown = _public(alert)
        labels = ", ".join(f"{name}={value}" for name, value in alert.labels.items() if name != "alertname")
        ends = "fires at the end" if alert.ends_at_ms is None else shown["endsAt"]
        table.add_row(shown["alertname"], labels, shown["startsAt"], ends, f"{alert.value:.3g}")
    return table


def _show_tuned(rows: list[dict[str, Any]], output: str) -> None:
    if output == "json":
        typer.echo(json.dumps(rows, indent=2))
        return
    table = Table("rule", "false_alarms", "growth", "alerts", "a week", "delay, s", box=rich.box.SIMPLE)
    for row in rows:
        delay = "–" if row["delay_s"] is None else f"{row['delay_s']:+.0f}"
        names = (row["alertname"], f"{row['false_alarms']:g}", f"{row['growth']:g}", str(row["alerts"]))
        table.add_row(*names, f"{row['alerts_per_week']:.2f}", delay)
    table.caption = "delay: median, against the rule as it is, of the alerts that both find"
    table_console().print(table)
