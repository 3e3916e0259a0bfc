"""`buzzwatch produce`: tweets from files or standard input to Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from contracts.errors import BuzzwatchError
from contracts.settings import load_settings
from stream.kafka.tweet_files import FORMATS, read_tweets
from stream.kafka.tweet_producer import TweetProducer, paced

app = typer.Typer(add_completion=False)

_EXAMPLES = """Send tweets to the topic `tweets`.

Examples:

  buzzwatch produce tweets.jsonl

  buzzwatch produce airline.parquet --rate 500

  echo '{"id": 1, "text": "@AirParadis lost my bag again"}' | buzzwatch produce

  buzzwatch produce notes.txt --format text

Columns or fields: text (required), id (a hash of file name and row when missing), created_at (or date),
author_id (or user), lang. Lines that are no tweets are sent as they come and end in the dead letters.
"""


@app.command(help=_EXAMPLES)
def produce(
    file: Annotated[
        Path | None, typer.Argument(help="JSONL, CSV, Parquet or text; - or nothing: standard input.")
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help=f"One of {', '.join(FORMATS)}; by default from the name.")
    ] = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Tweets per second; as fast as Kafka takes them when not given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
) -> None:
    """Send tweets to Kafka."""
    lines = read_tweets(file, file_format)
    first = next(lines, None)  # a file that cannot be read is said before Kafka is asked
    errors = Console(stderr=True)
    if first is None:
        errors.print("nothing to produce: no tweets in the input")
        return
    producer = TweetProducer(load_settings())
    sent = 0
    columns = (
        TextColumn("producing"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.speed:,.0f}/s"),
        TimeElapsedColumn(),
    )
    try:
        with Progress(*columns, console=errors, disable=not errors.is_terminal) as progress:
            task = progress.add_task("producing", total=limit)

            def both() -> object:
                yield first
                yield from lines

            for line in paced(both(), rate):  # type: ignore[arg-type]
                producer.send(line)
                sent += 1
                progress.update(task, advance=1)
                if sent == limit:
                    break
    except KeyboardInterrupt:
        errors.print("interrupted: waiting for what was sent")
    finally:
        producer.close()
    errors.print(f"{producer.acknowledged:,} of {sent:,} tweets acknowledged by Kafka")
    if producer.acknowledged < sent:
        for reason in producer.refused[:5]:
            errors.print(f"  refused: {reason}", markup=False)
        raise BuzzwatchError(f"{sent - producer.acknowledged:,} tweets were not taken; produce them again")
