"""`buzzwatch bench`: how fast it is, beside its peers, on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from contracts.errors import BuzzwatchError
from contracts.settings import load_settings

app = typer.Typer(add_completion=False, no_args_is_help=True)

_Format = Annotated[Literal["table", "json"], typer.Option("--format", help="A table for people or JSON.")]
_Markdown = Annotated[Path | None, typer.Option(help="Append the table to this file, too.")]
_Kafka = Annotated[str | None, typer.Option(help="host:port of a broker to use instead of one of its own.")]

_ALL = "buzzwatch,faust,faust-take,kafka-python,kafka-python-polled,quixstreams,bytewax"


@app.callback()
def _group() -> None:
    """Benchmarks on invented tweets; Kafka and Redis of their own, stopped and deleted at the end.

    Example: buzzwatch bench throughput
    """


@app.command()
def scoring(
    batch: Annotated[int, typer.Option(min=1, max=100_000, help="Tweets in a batch.")] = 4000,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="How often each step runs.")] = 30,
    output: _Format = "table",
    markdown: _Markdown = None,
) -> None:
    """The model and the function around it alone, microseconds a tweet, step by step.

    Example:

      buzzwatch bench scoring --batch 500
    """
    from bench import steps
    from bench.report import Report, show

    found = steps.run(load_settings(), batch, rounds)
    goals = {"whole function": "≤ 7", "model": "≤ 3.3"}
    rows = [(step.name, f"{step.median_us:.2f}", f"{step.least_us:.2f}", goals.get(step.name, "")) for step in found]
    data = [step._asdict() for step in found]
    title = f"Scoring, batches of {batch:,}, processor time of one thread"
    show(Report(title, ("step", "median µs", "least µs", "goal"), rows, data), output, markdown)


@app.command()
def throughput(
    contenders: Annotated[str, typer.Option(help="Comma-separated; by default " + _ALL + ".")] = _ALL,
    functions: Annotated[str, typer.Option(help="Comma-separated: whole, plain.")] = "whole,plain",
    tweets: Annotated[int, typer.Option(min=1000, max=5_000_000, help="Tweets in the topic.")] = 400_000,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Most time for each contender.")] = 20,
    kafka: _Kafka = None,
    output: _Format = "table",
    markdown: _Markdown = None,
) -> None:
    """Each contender drains the same topic on the same broker with the same champion, one process each.

    Examples:

      buzzwatch bench throughput

      buzzwatch bench throughput --contenders buzzwatch --functions whole --tweets 1000000 --seconds 60
    """
    from bench import throughput as bench
    from bench.report import Report, show
    from bench.site import open_site

    names = _listed(contenders, "contenders", tuple(bench.CONTENDERS))
    wanted = _listed(functions, "functions", ("whole", "plain"))
    with open_site(kafka, _say) as site:
        found = bench.run(site, names, wanted, tweets, seconds, _say)
    goals = {("buzzwatch worker", "whole"): "75,000", ("buzzwatch worker", "plain"): "120,000"}
    rows = [
        (
            result.contender, result.guarantee, result.function, f"{result.tweets_per_s:,.0f}",
            goals.get((result.contender, result.function), ""), f"{result.cpu_s_per_1000 * 1000:.1f}",
            f"{result.peak_mib:,.0f}", f"{result.drained:,}", f"{result.drained - result.distinct:,}",
        )
        for result in found
    ]  # fmt: skip
    columns = (
        "one process", "guarantee", "function", "tweets/s", "goal", "CPU ms/1,000", "peak MiB", "drained", "doubled",
    )  # fmt: skip
    show(Report(f"Throughput, {tweets:,} tweets", columns, rows, [one._asdict() for one in found]), output, markdown)


@app.command()
def latency(
    rates: Annotated[str, typer.Option(help="Tweets a second, comma-separated.")] = "10,100,1000,5000",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long each rate is kept up.")] = 10,
    kafka: _Kafka = None,
    output: _Format = "table",
    markdown: _Markdown = None,
) -> None:
    """From a producer's send to a read_committed reader, through one worker.

    Example:

      buzzwatch bench latency --rates 1000,10000
    """
    from bench import latency as bench
    from bench.report import Report, show
    from bench.site import open_site

    try:
        wanted = [int(rate) for rate in rates.split(",")]
    except ValueError:
        raise BuzzwatchError(f"--rates: {rates!r} is not a list of whole numbers such as 10,100") from None
    if not all(1 <= rate <= 100_000 for rate in wanted):
        raise BuzzwatchError(f"--rates: {rates!r} has a rate below 1 or above 100000")
    with open_site(kafka, _say) as site:
        found = bench.run(site, wanted, seconds, _say)
    goals = {1000: "p50 ≤ 10, p99 ≤ 50", 10_000: "p99 ≤ 200"}
    rows = [
        (
            f"{one.rate:,}", f"{one.tweets:,}", f"{one.p50_ms:.1f}", f"{one.p99_ms:.1f}", f"{one.largest_ms:.1f}",
            str(one.lost), goals.get(one.rate, ""),
        )
        for one in found
    ]  # fmt: skip
    columns = ("tweets/s", "measured", "p50 ms", "p99 ms", "largest ms", "lost", "goal")
    title = "Latency from send to a read_committed reader"
    show(Report(title, columns, rows, [one._asdict() for one in found]), output, markdown)


def _listed(text: str, option: str, known: tuple[str, ...]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise BuzzwatchError(f"--{option}: {', '.join(unknown) or 'nothing'} is unknown; there are {', '.join(known)}")
    return names


def _say(line: str) -> None:
    console = Console(stderr=True)
    if console.is_terminal:
        console.print(line, highlight=False, markup=False)
