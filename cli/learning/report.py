"""`buzzwatch report`: what a day was like."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Annotated, Literal

import typer

from cli.output.console import print_error
from cli.output.preconditions import receiver_of, redis_client, rules_if_usable
from contracts.errors import BuzzwatchError
from contracts.printable import printable
from contracts.settings import Settings, load_settings
from contracts.times import clock_ms, to_ms
from learning.labels.log import resolved_labels
from learning.report.daily import DAY_MS, DailyReport, as_json, daily_report, headline, markdown

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Format = Annotated[Literal["markdown", "json"], typer.Option("--format", help="For people or JSON.")]


@app.callback()
def _group() -> None:
    """Reports for people.

    Example: buzzwatch report daily
    """


@app.command()
def daily(
    day: Annotated[str | None, typer.Option(metavar="DATE", help="Such as 2026-11-27, UTC; else yesterday.")] = None,
    to: Annotated[str | None, typer.Option(metavar="RECEIVER", help="Send it to this receiver, too.")] = None,
    output: _Format = "markdown",
) -> None:
    """A day: volumes, shares, themes, words, alerts, judged and estimated accuracy, model, dead letters.

    What is older than the topics' retention cannot be reported.

    Examples:

      buzzwatch report daily

      buzzwatch report daily --day 2026-11-27 --format json

      buzzwatch report daily --to social-team
    """
    settings = load_settings()
    start_ms = _midnight(day)
    rules = rules_if_usable(settings, "names of watches are not left out of the words")
    with redis_client(settings) as client:
        report = daily_report(settings, client, rules, start_ms)
    typer.echo(printable(json.dumps(as_json(report))) if output == "json" else _lines(markdown(report)))
    if to is not None:
        _send(settings, to, report)


@app.command(name="mistakes")
def show_mistakes(
    output: _Format = "markdown",
) -> None:
    """What the model gets wrong: judged tweets by theme, watch and topic, version by version.

    From the labels that hold and what was answered at the time. Topics are found in the words of all misjudged tweets,
    so that versions before and after a retraining stand beside each other.

    Examples:

      buzzwatch report mistakes

      buzzwatch report mistakes --format json
    """
    from learning.report import mistakes  # scikit-learn and what it brings, for this alone
    from models.text.matching import Matcher

    settings = load_settings()
    rules = rules_if_usable(settings, "mistakes are not split by theme")
    matcher = Matcher(rules.themes) if rules is not None and rules.themes else None
    found = mistakes.mistakes(
        resolved_labels(settings, print_error).labels,
        lambda texts: matcher.match_batch(texts) if matcher is not None else [[] for _ in texts],
    )
    shown = json.dumps(mistakes.as_json(found), indent=2) if output == "json" else _lines(mistakes.markdown(found))
    typer.echo(printable(shown) if output == "json" else shown)


def _midnight(day: str | None) -> int:
    now_ms = clock_ms()
    if day is None:
        return now_ms // DAY_MS * DAY_MS - DAY_MS
    try:
        start_ms = to_ms(datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC))
    except ValueError:
        raise typer.BadParameter(f"--day: {day!r} is no date such as 2026-11-27") from None
    if start_ms > now_ms:
        raise typer.BadParameter(f"--day: {day} has not begun")
    return start_ms


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def _send(settings: Settings, receiver: str, report: DailyReport) -> None:
    from alerts.explanation.annotations import external_url
    from alerts.grouping.sample import single
    from alerts.receivers.sender import Sender
    from contracts.rules.file import load_rules

    rules = load_rules(settings.rules)
    found = receiver_of(rules, receiver, settings.rules)
    labels = {"alertname": "BuzzwatchDailyReport", "severity": "info", "day": report.day}
    annotations = {"summary": headline(report), "description": markdown(report)}
    sender = Sender(settings.alerts, clock_ms)
    try:
        result = sender.attempt(found, single(receiver, clock_ms(), labels, annotations, external_url(settings)))
    finally:
        sender.close()
    if result.outcome != "delivered":
        raise BuzzwatchError(f"{receiver} did not take the report: {result.detail}")
    print_error(f"sent to {receiver}")
