"""`buzzwatch produce`: tweets from files or standard input to Kafka."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, islice
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bootstrap.tracing import start_tracing
from cli.output.console import print_error, table_console
from cli.output.options import Encoding, path
from contracts.errors import BuzzwatchError
from contracts.settings import load_settings
from contracts.tweet_files.errors import TweetFileError
from contracts.tweet_files.reader import FORMATS, read_rows
from contracts.tweet_files.rows import ReadOptions
from contracts.tweet_files.source import is_stream
from stream.kafka.tweet_files import read_tweets
from stream.kafka.tweet_producer import TweetProducer, paced

app = typer.Typer(add_completion=False)

_File = Annotated[
    Path | None,
    typer.Argument(parser=path, metavar="FILE", help="A file, folder or pipe; - or nothing: standard input."),
]
_EXAMPLES = """Send tweets to the topic `tweets`.

Examples:

  buzzwatch produce tweets.jsonl

  buzzwatch produce airline.parquet --rate 500

  echo '{"id": 1, "text": "@AirParadis lost my bag again"}' | buzzwatch produce

  buzzwatch produce sheet.csv --encoding cp1252

  buzzwatch produce <(zcat posts.gz) --format jsonl

A file, a folder of parts or a pipe: JSONL, a JSON array or page, CSV, Parquet, tweets.js of an X archive, plain lines;
gzip is unpacked. Columns or fields: text (required), id (a hash of file name and row when missing), created_at (or
date), author_id (or user), lang, reach. Objects of the X API (v1.1, v2), Bluesky and Mastodon are sent as they are,
and their whole text is scored; docs/events.md lists what is read of each. Text is UTF-8, unless a byte order mark or
--encoding names another.

A table whose structure is wrong (a quote that is not closed, a row of another length, a byte of another encoding, a
column of a type that cannot be read) is refused with its line before anything is sent; only from a pipe it is found on
the way. Lines of JSON that are no tweets are sent as they come and end in the dead letters; the first are named.
"""


@app.command(help=_EXAMPLES)
def produce(
    file: _File = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help=f"One of {', '.join(FORMATS)}; by default from the name.")
    ] = None,
    encoding: Encoding = None,
    rate: Annotated[
        float | None, typer.Option(min=0.001, help="Tweets per second; as fast as Kafka takes them when not given.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
) -> None:
    """Send tweets to Kafka."""
    errors = table_console(stderr=True)
    options = ReadOptions(encoding=encoding)
    if not is_stream(file):  # a structure that is wrong further on is found before anything is sent
        for _ in islice(read_rows(file, ReadOptions(encoding=encoding), file_format), limit):
            pass
    lines = read_tweets(file, file_format, options)
    first = next(lines, None)  # reads the file's beginning: its errors come before a connection to Kafka
    if first is None:
        errors.print("nothing to produce: no tweets in the input")
        return
    producer, stop_tracing = _producer()
    sent, interrupted = 0, False
    broken: TweetFileError | None = None
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
            for line in paced(chain([first], lines), rate):
                producer.send(line)
                sent += 1
                progress.update(task, advance=1)
                if sent == limit:
                    break
    except KeyboardInterrupt:
        interrupted = True
        errors.print("interrupted: waiting for what was sent")
    except TweetFileError as error:  # only a pipe is found to be wrong after something was sent
        broken = error
    finally:
        producer.close()
        stop_tracing()
    print_error(*(f"{file or 'standard input'}: {line}" for line in options.notes.all()))
    if broken is not None:
        raise BuzzwatchError(f"{broken} ({producer.acknowledged:,} tweets before it were sent)") from None
    _report(errors, producer, sent)
    if interrupted:
        raise typer.Exit(130)


def _producer() -> tuple[TweetProducer, Callable[[], None]]:
    """A producer, and what sends the spans of its tweets at the end."""
    settings = load_settings()
    tracer = start_tracing(settings, "produce")
    if tracer is None:
        return TweetProducer(settings), lambda: None
    return TweetProducer(settings, tracer.sent), tracer.close


def _report(errors: Console, producer: TweetProducer, sent: int) -> None:
    """How many arrived.

    Raises:
        BuzzwatchError: some did not.
    """
    errors.print(f"{producer.acknowledged:,} of {sent:,} tweets acknowledged by Kafka")
    if producer.acknowledged < sent:
        for reason in producer.refused[:5]:
            errors.print(f"  refused: {reason}", markup=False)
        raise BuzzwatchError(f"{sent - producer.acknowledged:,} tweets were not taken; produce them again")
