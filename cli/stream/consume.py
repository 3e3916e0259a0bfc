"""`buzzwatch consume`: follows the scored topic."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

import typer
from rich.text import Text

from cli.output.console import end_without_reader, print_error, table_console
from cli.output.preconditions import require_known, rules_if_usable
from contracts.errors import InvalidRecord
from contracts.events import Prediction, decode_prediction
from contracts.printable import printable_line, safe_json
from contracts.settings import load_settings
from stream.kafka.topic_reader import follow

app = typer.Typer(add_completion=False)

_COLOURS = {"negative": "red", "neutral": "bright_black", "positive": "green"}
_EXAMPLES = """Follow the scored tweets, committed ones only.

Examples:

  buzzwatch consume

  buzzwatch consume --from-beginning --until-end --format jsonl > scored.jsonl

  buzzwatch consume --watch air-paradis --sentiment negative
"""


@app.command(help=_EXAMPLES)
def consume(
    output: Annotated[
        Literal["table", "jsonl"], typer.Option("--format", help="Rows for people or one JSON object a line.")
    ] = "table",
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Start with the oldest record.")] = False,
    until_end: Annotated[
        bool, typer.Option("--until-end", help="Stop at the end instead of waiting for more.")
    ] = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    watch: Annotated[str | None, typer.Option(help="Only tweets of this watch.")] = None,
    sentiment: Annotated[
        Literal["negative", "neutral", "positive"] | None, typer.Option(help="Only this label.")
    ] = None,
) -> None:
    """Follow the scored topic."""
    settings = load_settings()
    if watch is not None and (rules := rules_if_usable(settings, "whether there is such a watch is not looked at")):
        names = [one.name for one in rules.watches]
        require_known("watch", watch, names, f"{settings.rules} (BUZZWATCH_RULES)")
    console = table_console()
    shown = 0
    if output == "table":
        console.print(
            f"{'written':19}  {'sentiment':9} {'conf.':>5}  {'watches':16}  {'themes':20}  text", style="bold"
        )
    try:
        with _noticed_ctrl_c() as end_if_over:
            for message in follow(
                settings,
                settings.kafka.topics.scored,
                from_beginning=from_beginning,
                until_end=until_end,
                idle=end_if_over,
            ):
                value = message.value()
                try:
                    prediction = decode_prediction(value)
                except InvalidRecord as error:
                    print_error(f"{message.topic()}[{message.partition()}]@{message.offset()}: {error}")
                    continue
                if (watch and watch not in prediction.watches) or (sentiment and prediction.sentiment != sentiment):
                    continue
                if output == "jsonl":
                    typer.echo(safe_json((value or b"").decode()))
                else:
                    console.print(_row(prediction), no_wrap=True, overflow="ellipsis", crop=True)
                shown += 1
                if shown == limit:
                    return
    except KeyboardInterrupt:
        raise typer.Exit(130) from None  # as Unix programs end that follow something


@contextmanager
def _noticed_ctrl_c() -> Iterator[Callable[[], None]]:
    """What ends the command once nobody reads it or Ctrl-C was pressed, also where KeyboardInterrupt was lost.

    Python drops an exception that is raised while an object is destroyed or in some callbacks: a command that waits for
    more would wait on.
    """
    pressed = threading.Event()

    def press(*_: object) -> None:
        pressed.set()
        raise KeyboardInterrupt

    def end_if_over() -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        end_without_reader()

    before = signal.signal(signal.SIGINT, press)
    try:
        yield end_if_over
    finally:
        signal.signal(signal.SIGINT, before)


def _row(prediction: Prediction) -> Text:
    row = Text(f"{printable_line(prediction.created_at[:19])}  ")
    row.append(f"{prediction.sentiment:9}", style=_COLOURS[prediction.sentiment])
    watches, themes = (printable_line(",".join(names)) for names in (prediction.watches, prediction.themes))
    row.append(f" {prediction.confidence:5.2f}  {watches[:16]:16}  {themes[:20]:20}  ")
    row.append(printable_line(prediction.text or ""))
    return row
