"""`buzzwatch train`: models from labelled tweets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cli.output.console import table_console
from cli.training import deep as train_deep
from cli.training import formats as train_formats
from cli.training.metrics_table import print_figures
from cli.training.options import DATA_DIR, Alias, Data, Format, Out, Register, Seed, writing
from contracts.errors import SettingsError
from contracts.settings import load_settings
from training.evaluation.leaderboard import write_pages
from training.evaluation.results import RESULTS, read_results
from training.linear.experiments import compare_all, load_experiments
from training.linear.model_zoo import MEMBERS, Member
from training.linear.train import train
from training.registry.register import check_reachable, chosen_alias, log_trained

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Train models.")

_Rows = Annotated[
    int | None, typer.Option(min=0, help="Most rows labelled by emoticons; 0: all. Slow members take 150,000.")
]
_Curve = Annotated[
    bool | None, typer.Option(help="Also train on a tenth and three tenths, for the learning curve; as --register.")
]

_EXAMPLES = """{summary}

The folder holds sentiment140, airline, semeval and french.parquet with `text` and `label`. The figures are those of a
model that has not seen the held-out texts{kept}.

Members: {members}.

Examples:

{examples}
"""


def _help(family: str, summary: str, *examples: str, kept: str = "") -> str:
    members = ", ".join(member.name for member in MEMBERS.values() if member.family == family)
    lines = "\n\n".join(f"  buzzwatch train {family} --data-dir ../shared/data{more}" for more in examples)
    return _EXAMPLES.format(summary=summary, members=members, examples=lines, kept=kept)


@app.callback()
def _group() -> None:
    """Train models."""


train_deep.add_to(app)
train_formats.add_to(app)


@app.command(
    help=_help(
        "linear",
        "Train a linear model on labelled tweets, measure it on held-out ones, register it.",
        "",
        " --no-register --out build/linear",
        " --model tfidf-nbsvm",
        kept="; the model that is kept has learnt from all of them",
    )
)
def linear(
    data_dir: Data = DATA_DIR,
    model: Annotated[str, typer.Option(help="hashed: the compiled one that serves; the others to compare.")] = "hashed",
    rows: _Rows = None,
    register: Register = True,
    alias: Alias = None,
    out: Out = None,
    curve: _Curve = None,
    seed: Seed = 0,
    output: Format = "table",
) -> None:
    """Train a linear model."""
    _train(_member("linear", model), data_dir, rows, register, alias, out, curve, seed, output)


@app.command(help=_help("trees", "Train trees on reduced features and measure them.", "", " --model svd-forest"))
def trees(
    data_dir: Data = DATA_DIR,
    model: Annotated[str, typer.Option(help="Which one.")] = "svd-lightgbm",
    rows: _Rows = None,
    register: Register = True,
    curve: _Curve = None,
    seed: Seed = 0,
    output: Format = "table",
) -> None:
    """Train trees."""
    _train(_member("trees", model), data_dir, rows, register, None, None, curve, seed, output)


@app.command(
    help=_help("vectors", "Train a classifier on word vectors learnt here.", "", " --model fasttext-lightgbm --rows 0")
)
def vectors(
    data_dir: Data = DATA_DIR,
    model: Annotated[str, typer.Option(help="Which one.")] = "fasttext-lr",
    rows: _Rows = None,
    register: Register = True,
    curve: _Curve = None,
    seed: Seed = 0,
    output: Format = "table",
) -> None:
    """Train on averaged vectors."""
    _train(_member("vectors", model), data_dir, rows, register, None, None, curve, seed, output)


@app.command()
def compare(
    experiments: Annotated[Path | None, typer.Option(help="YAML of experiments; training/experiments.yaml.")] = None,
    data_dir: Data = DATA_DIR,
    register: Annotated[bool, typer.Option(help="Log each run to MLflow.")] = False,
    results: Annotated[Path, typer.Option(help="Folder of the stored results.")] = RESULTS,
    again: Annotated[bool, typer.Option(help="Measure what has been measured already, too.")] = False,
    curve: Annotated[
        bool | None, typer.Option(help="Also train on a tenth and three tenths, for the learning curve; as --register.")
    ] = None,
) -> None:
    """Measure every experiment of a file on the same held-out texts; finished ones are kept.

    Examples:

      buzzwatch train compare --data-dir ../shared/data

      buzzwatch train compare --experiments mine.yaml --register
    """
    settings = load_settings()
    wanted = load_experiments(experiments)
    if register:
        check_reachable(settings)
    errors = Console(stderr=True)
    with errors.status("starting") as status:
        drawn = register if curve is None else curve
        for done in compare_all(wanted, data_dir, results, again=again, progress=status.update, curve=drawn):
            if register:
                log_trained(settings, done.trained, alias=None)
            errors.print(f"{done.result.member}: done in {done.result.seconds:.0f} s", highlight=False)
    _print_results(results)


@app.command()
def leaderboard(
    results: Annotated[Path, typer.Option(help="Folder of the stored results.")] = RESULTS,
    docs: Annotated[Path | None, typer.Option(help="Write leaderboard.md and model_card.md here.")] = None,
) -> None:
    """Print the stored results, best first; with --docs write the leaderboard and the model card from them.

    Examples:

      buzzwatch train leaderboard

      buzzwatch train leaderboard --docs docs
    """
    found = read_results(results)
    if not found:
        raise SettingsError(f"--results {results}: no stored results there; `buzzwatch train compare` makes them")
    if docs is not None:
        with writing("--docs", docs):
            docs.mkdir(parents=True, exist_ok=True)
            for path in write_pages(found, load_settings().artefact, docs):
                typer.echo(f"wrote {path}", err=True)
    _print_results(results)


def _member(family: str, name: str) -> Member:
    names = [member.name for member in MEMBERS.values() if member.family == family]
    if name not in names:
        raise SettingsError(f"--model {name}: the family {family} has {', '.join(names)}")
    return MEMBERS[name]


def _train(
    member: Member,
    data_dir: Path,
    rows: int | None,
    register: bool,
    alias: str | None,
    out: Path | None,
    curve: bool | None,
    seed: int,
    output: str,
) -> None:
    for option, given in (("--out", out), ("--alias", alias)):
        if given is not None and not member.serves:
            raise SettingsError(f"{option}: {member.name} is measured only, no artefact is kept of it")
    settings = load_settings()
    if register:
        chosen_alias(settings, alias)
    errors = Console(stderr=True)
    drawn = register if curve is None else curve
    with errors.status("starting") as status:
        trained = train(data_dir, member, seed, lambda step: status.update(step), distant=rows, curve=drawn)
        if out is not None and trained.model is not None:
            trained.save(out)
        if register:
            status.update("registering")
            given = chosen_alias(settings, alias)  # asked again: another run may have made the first champion
            version = log_trained(settings, trained, alias=given if trained.model is not None else None)
            if version is not None:
                errors.print(f"{settings.mlflow.model_name} version {version} is {given}", highlight=False)
    print_figures(trained.metrics, output)


def _print_results(folder: Path) -> None:
    table = Table("member", "airline acc.", "airline recall", "semeval recall", "s140 binary", "tweets/s", box=None)
    figures = (("airline", "accuracy"), ("airline", "macro_recall"), ("semeval", "macro_recall"))
    for one in sorted(read_results(folder), key=lambda one: -one.metrics["airline"]["accuracy"]["value"]):
        cells = [f"{one.metrics[source][name]['value']:.3f}" for source, name in figures]
        cells.append(f"{one.metrics['sentiment140']['binary_accuracy']['value']:.3f}")
        table.add_row(f"{one.member} {one.format}", *cells, f"{one.tweets_per_s:,.0f}")
    table_console().print(table)
