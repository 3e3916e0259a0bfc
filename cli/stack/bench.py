"""`buzzwatch bench`: how fast it is, beside its peers, on this machine."""

from __future__ import annotations

import json
import platform
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.output.options import Format
from contracts.errors import BuzzwatchError
from contracts.settings import load_settings

app = typer.Typer(add_completion=False)

_Markdown = Annotated[Path | None, typer.Option(help="Append the table to this file, too.")]
_Kafka = Annotated[str | None, typer.Option(help="host:port of a broker to use instead of one of its own.")]

_ALL = "buzzwatch,bytewax,bytewax-collect,pyflink,quixstreams,kafka-python-polled,kafka-python,faust-take,faust"
_LOOP_PARTS = "months,queue,canaries,poison,estimates"
_PARTS = "scoring,throughput,latency,webhook,growth,workers,memory,watching"
_Contenders = Annotated[str, typer.Option(help="Comma-separated; by default " + _ALL + ".")]


@app.callback(invoke_without_command=True)
def bench(
    context: typer.Context,
    only: Annotated[str, typer.Option(help="Parts, comma-separated; by default " + _PARTS + ".")] = _PARTS,
    contenders: _Contenders = _ALL,
    quick: Annotated[
        bool, typer.Option("--quick", help="Small counts: minutes instead of a quarter of an hour.")
    ] = False,
    to: Annotated[Path, typer.Option(help="Folder for bench.md, bench.json and bench.svg.")] = Path("var/bench"),
    kafka: _Kafka = None,
    output: Format = "table",
) -> None:
    """Benchmarks on invented tweets, goals beside the figures; Kafka and Redis of their own, deleted at the end.

    Without a command everything is measured: tables, a Markdown and a JSON file, and a picture. A contender that
    cannot run here is named with the reason and the others go on; so do they when a part fails, with status 1 at the
    end. PyFlink and two more get virtual environments of their own at the first run (Java, Maven and the package
    index are needed for that).

    Examples:

      buzzwatch bench

      buzzwatch bench --quick --only throughput,latency

      buzzwatch bench throughput --contenders buzzwatch,bytewax --functions whole
    """
    if context.invoked_subcommand is not None:
        return
    from bench import suite
    from bench.reporting.report import writable
    from bench.stage.contestants import CONTENDERS
    from bench.stage.site import open_site

    parts = _listed(only, "only", tuple(suite.PARTS))
    names = _listed(contenders, "contenders", tuple(CONTENDERS))
    size = suite.QUICK if quick else suite.WHOLE
    writable(to)
    _progress(f"about {suite.estimate_s(size, parts, names) / 60:.0f} minutes on a quiet machine")
    started = time.strftime("%Y-%m-%d %H:%M")
    with open_site(kafka, _progress) as site:
        found = suite.run(site, size, parts, names, _progress)
    reports = suite.reports(found)
    command = f"buzzwatch bench{' --quick' * quick}{f' --only {only}' * (only != _PARTS)}"
    command += f" --contenders {contenders}" * (contenders != _ALL)
    _show(reports, output)  # first, so that a full disk costs the files only
    _write(to, f"`{command}` on {_machine()}, {started}", reports, found)
    if found.failed:
        raise BuzzwatchError(f"not measured: {', '.join(found.failed)}; the reasons are in the tables")


@app.command()
def scoring(
    batch: Annotated[int, typer.Option(min=1, max=100_000, help="Tweets in a batch.")] = 4000,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="How often each step runs.")] = 30,
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """The model and the function around it alone, microseconds a tweet, step by step.

    Example:

      buzzwatch bench scoring --batch 500
    """
    from bench.parts import steps
    from bench.reporting import tables

    _show([tables.scoring(steps.run(load_settings(), batch, rounds), batch)], output, markdown)


@app.command()
def throughput(
    contenders: _Contenders = _ALL,
    functions: Annotated[str, typer.Option(help="Comma-separated: whole, plain.")] = "whole,plain",
    tweets: Annotated[int, typer.Option(min=1000, max=5_000_000, help="Tweets in the topic.")] = 400_000,
    seconds: Annotated[float, typer.Option(min=1, max=600, help="Most time for each contender.")] = 20,
    kafka: _Kafka = None,
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """Each contender drains the same topic on the same broker with the same champion, one process each.

    Examples:

      buzzwatch bench throughput

      buzzwatch bench throughput --contenders buzzwatch --functions whole --tweets 1000000 --seconds 60
    """
    from bench.parts import throughput as part
    from bench.reporting import tables
    from bench.reporting.report import goals_report
    from bench.stage.contestants import CONTENDERS
    from bench.stage.site import open_site

    names = _listed(contenders, "contenders", tuple(CONTENDERS))
    chosen = _listed(functions, "functions", ("whole", "plain"))
    with open_site(kafka, _progress) as site:
        found = part.run(site, names, chosen, tweets, seconds, _progress)
    reports = [tables.throughput(found, function) for function in chosen]
    _show([*reports, goals_report(tables.goals(["throughput"], rates=found))], output, markdown)


@app.command()
def api(
    only: Annotated[
        str, typer.Option(help="Parts, comma-separated: start, load, batch, crowd, peers, memory.")
    ] = "start,load,batch,crowd,peers",
    peers: Annotated[
        str, typer.Option(help="Comma-separated: mlflow, bentoml, litserve; none: the API alone.")
    ] = "mlflow,bentoml,litserve",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long each load lasts.")] = 8,
    connections: Annotated[int, typer.Option(min=1, max=1000, help="Of wrk, for one text a request.")] = 32,
    minutes: Annotated[float, typer.Option(min=0.1, max=120, help="How long memory is watched under load.")] = 10,
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """`/predict` and `/predict/batch` under load, beside others that serve the same champion, and in a crowd.

    wrk and the server share the machine. How soon it is ready is measured in five starts. In a crowd three times as
    many requests come as the API answers: some are served, the others are to be refused quickly. `memory` takes ten
    minutes, and is measured when it is named.

    Examples:

      buzzwatch bench api

      buzzwatch bench api --only crowd

      buzzwatch bench api --only memory --minutes 10

      buzzwatch bench api --peers none --seconds 3
    """
    from bench.parts import api as part
    from bench.parts import api_tables
    from bench.reporting.report import goals_report
    from bench.stage.site import open_site

    parts = frozenset(_listed(only, "only", part.PARTS))
    chosen = [] if peers == "none" else _listed(peers, "peers", part.PEERS)
    wanted = part.Wanted(parts, chosen, seconds, connections, minutes * 60)
    with open_site(None, _progress) as site:
        found = part.run(site, wanted, _progress)
    _show([*api_tables.reports(found), goals_report(api_tables.goals(found))], output, markdown)


@app.command()
def latency(
    rates: Annotated[str, typer.Option(help="Tweets a second, comma-separated.")] = "10,100,1000,5000,10000",
    seconds: Annotated[float, typer.Option(min=1, max=600, help="How long each rate is kept up.")] = 10,
    warm_up: Annotated[float, typer.Option(min=0, max=600, help="Seconds at 1,000 a second before that.")] = 60,
    kafka: _Kafka = None,
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """From a producer's send to a read_committed reader, through one worker.

    Example:

      buzzwatch bench latency --rates 1000,10000
    """
    from bench.parts import latency as part
    from bench.reporting import tables
    from bench.reporting.report import goals_report
    from bench.stage.site import open_site

    try:
        chosen = [int(rate) for rate in rates.split(",")]
    except ValueError:
        raise BuzzwatchError(f"--rates: {rates!r} is not a list of whole numbers such as 10,100") from None
    if not all(1 <= rate <= 100_000 for rate in chosen):
        raise BuzzwatchError(f"--rates: {rates!r} has a rate below 1 or above 100000")
    with open_site(kafka, _progress) as site:
        found = part.run(site, chosen, seconds, warm_up, _progress)
    _show([tables.latency(found), goals_report(tables.goals(["latency"], latencies=found))], output, markdown)


@app.command()
def detection(
    model: Annotated[Path | None, typer.Option(help="Folder of a model; by default the shipped one.")] = None,
    weeks: Annotated[int, typer.Option(min=1, max=10_000, help="Simulated weeks.")] = 200,
    months: Annotated[int, typer.Option(min=0, max=10_000, help="Simulated months in one go, for our rule.")] = 24,
    curve: Annotated[bool, typer.Option(help="Try other thresholds too, and draw detection.png.")] = True,
    to: Annotated[Path, typer.Option(help="Folder for detection.json and detection.png.")] = Path("var/bench"),
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """How well bad buzz is found: simulated weeks of real tweets, with crises and what only looks like one.

    Our rule, a fixed threshold, three sigma on counts and ADWIN see the same weeks. What the model says about tweets
    that it had not learnt from comes with it: labelled tweets are not needed. What is judged is kept below var: a run
    that was stopped goes on.

    Example:

      buzzwatch bench detection --weeks 20 --months 4 --no-curve
    """
    from bench.detection.command import Size
    from bench.detection.command import detection as run
    from contracts.rules.file import load_rules

    settings = load_settings()
    run(load_rules(settings.rules), model or settings.artefact, Size(weeks, months, curve), to, output, markdown)


@app.command()
def loop(
    data_dir: Annotated[Path, typer.Option(envvar="BUZZWATCH_DATA_DIR", help="Folder with the labelled tweets.")],
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Runs of the six months.")] = 5,
    poison_runs: Annotated[int, typer.Option(min=0, max=200, help="Runs with poisoners.")] = 20,
    only: Annotated[str, typer.Option(help="Parts, comma-separated; by default " + _LOOP_PARTS + ".")] = _LOOP_PARTS,
    to: Annotated[Path, typer.Option(help="Folder for loop.json and loop.png.")] = Path("var/bench"),
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """The learning loop in six simulated months: what judgements gain, and what bad challengers and judges do.

    A model of general tweets meets airline tweets, people judge some, it learns from them. Canaries of equally good and
    of worse challengers, poisoners, and estimates without labels, goals beside the figures. Small models: minutes.

    Examples:

      buzzwatch bench loop --data-dir data

      buzzwatch bench loop --data-dir data --only poison --poison-runs 20
    """
    from bench.loop.command import PARTS
    from bench.loop.command import loop as run

    chosen = [part.strip() for part in only.split(",") if part.strip()]
    if unknown := [part for part in chosen if part not in PARTS] or ([] if chosen else [only]):
        raise typer.BadParameter(f"--only: unknown part {unknown[0]!r} (known: {', '.join(PARTS)})")
    run(data_dir, seeds, poison_runs, to, output, markdown, chosen, _progress)


@app.command()
def alerts(
    watches: Annotated[int, typer.Option(min=1, max=20_000, help="Watches.")] = 1000,
    themes: Annotated[int, typer.Option(min=1, max=50, help="Themes; each watch has them all.")] = 20,
    past: Annotated[float, typer.Option(min=0.1, max=100, help="Tweets a second in the day before.")] = 15,
    rate: Annotated[float, typer.Option(min=1, max=50_000, help="Tweets a second while it is measured.")] = 5000,
    seconds: Annotated[int, typer.Option(min=1, max=600, help="Of the tweets' time that are measured.")] = 10,
    output: Format = "table",
    markdown: _Markdown = None,
) -> None:
    """Processor time of one evaluation of all rules, and what the counters take in Redis.

    Example:

      buzzwatch bench alerts --watches 200 --themes 5
    """
    import logging

    from bench.parts import alert_rules as part

    logging.getLogger("buzzwatch.alerts").setLevel(logging.CRITICAL)
    _show([part.report(part.run(watches, themes, past, rate, seconds, _progress))], output, markdown)


@app.command()
def dashboard(
    only: Annotated[
        str, typer.Option(help="Parts, comma-separated: load, rows, alerts, clicks, memory, readers.")
    ] = "load,rows,alerts,clicks,memory,readers",
    url: Annotated[str | None, typer.Option(help="Where the pages begin; by default on this machine's API.")] = None,
    rate: Annotated[float, typer.Option(min=1, max=50_000, help="Tweets a second while rows are timed.")] = 1000,
    seconds: Annotated[float, typer.Option(min=1, max=3600, help="Of the rows, and of the readers.")] = 20,
    bystanders: Annotated[int, typer.Option(min=0, max=1000, help="Further readers while rows are timed.")] = 0,
    readers: Annotated[int, typer.Option(min=1, max=1000, help="Readers beside /predict.")] = 250,
    firing: Annotated[int, typer.Option(min=1, max=1000, help="Alerts that are timed.")] = 40,
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="Rounds of keys and clicks.")] = 10,
    hours: Annotated[float, typer.Option(min=0.1, max=24, help="Hours of frames in fast motion.")] = 8,
    pictures: Annotated[Path | None, typer.Option(help="Only take the pictures of the docs, into this folder.")] = None,
    output: Format = "table",
) -> None:
    """How fast the watch room is, in Debian's Chromium and by bare readers of its stream, on a stack that runs.

    It sends invented tweets and writes invented alerts: take a stack of its own (`buzzwatch up`). Needs the packages of
    `dev` or `bench`, and /usr/bin/chromium.

    Examples:

      buzzwatch bench dashboard --only load,rows

      buzzwatch bench dashboard --only rows --rate 5000 --bystanders 50

      buzzwatch bench dashboard --only readers --seconds 600
    """
    from bench.room import command
    from bench.room import pictures as album

    settings = load_settings()
    where = url or f"http://{settings.api.host}:{settings.api.port}{settings.dashboard.path}"
    if pictures is not None:
        if not album.take(where, pictures):
            typer.echo("no alert about air-paradis is open: the pictures of the crisis stay as they are", err=True)
        return
    options = command.Options(where, rate, seconds, bystanders, readers, firing, rounds, hours)
    command.run(settings, only.split(","), options, output, _progress)


def _show(reports: Any, output: str, markdown: Path | None = None) -> None:
    from bench.reporting.report import show

    show(reports, output, markdown)


def _write(folder: Path, heading: str, reports: Any, found: Any) -> None:
    """The run as files that replace those of the run before."""
    from bench.reporting.picture import draw
    from bench.reporting.report import as_json, as_markdown, writing

    with writing(folder):
        (folder / "bench.md").write_text(f"{heading}\n" + "".join(map(as_markdown, reports)), encoding="utf-8")
        (folder / "bench.json").write_text(json.dumps({"run": heading, "tables": as_json(reports)}, indent=1) + "\n")
        draw(found, folder / "bench.svg")
    _progress(f"{folder}/bench.md, bench.json, bench.svg")


def _machine() -> str:
    """Cores and their kind."""
    import os

    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    kind = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())
    return f"{os.cpu_count()} cores of {kind}"


def _listed(text: str, option: str, known: tuple[str, ...]) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        raise BuzzwatchError(f"--{option}: {', '.join(unknown) or 'nothing'} is unknown; there are {', '.join(known)}")
    return names


def _progress(line: str) -> None:
    console = Console(stderr=True)
    if console.is_terminal:
        console.print(line, highlight=False, markup=False)
