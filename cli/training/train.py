"""`buzzwatch train`: models from labelled tweets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cli.output.console import print_table
from cli.output.options import PageFormat, taking_groups
from cli.training import deep as train_deep
from cli.training import formats as train_formats
from cli.training import themes as train_themes
from cli.training.metrics_table import print_figures
from cli.training.options import (
    Alias,
    Data,
    Description,
    Learning,
    Out,
    Register,
    Results,
    Seed,
    TaughtFiles,
    command_of,
    writing,
)
from contracts.errors import SettingsError
from contracts.printable import markdown_table
from contracts.settings import load_settings
from training.comparison.experiments import Comparison, compare_all, load_experiments, measured
from training.comparison.suite import run_suite
from training.data.datasets import load_training_data
from training.evaluation.leaderboard import common_sets, figure_of, mean_figure, write_pages
from training.evaluation.results import RESULTS, read_results, write_result
from training.evaluation.suite import table as suite_table
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

Every Parquet, CSV and JSONL file of the folder is learnt from; it needs `text` and `label` (negative, neutral,
positive). A sources.yaml there, or --sources, describes them: names, weights, which labels are by people and which by
emoticons, what is held out. The figures are those of a model that has not seen the held-out texts{kept}.

Members: {members}.

Examples:

{examples}
"""


def _help(family: str, summary: str, *examples: str, kept: str = "") -> str:
    members = ", ".join(member.name for member in MEMBERS.values() if member.family == family)
    lines = "\n\n".join(f"  buzzwatch train {family} --data-dir data{more}" for more in examples)
    return _EXAMPLES.format(summary=summary, members=members, examples=lines, kept=kept)


@dataclass(frozen=True, kw_only=True)
class _Classic(Learning):
    """What the commands of the classic families take."""

    rows: _Rows = None
    register: Register = True
    curve: _Curve = None
    results: Results = None


@app.callback()
def _group() -> None:
    """Train models."""


train_deep.add_to(app)
train_formats.add_to(app)
app.command()(train_themes.themes)


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
@taking_groups
def linear(
    context: typer.Context,
    asked: _Classic,
    taught: TaughtFiles = None,
    model: Annotated[str, typer.Option(help="hashed: the compiled one that serves; the others to compare.")] = "hashed",
    alias: Alias = None,
    out: Out = None,
) -> None:
    """Train a linear model."""
    _train(_member("linear", model), asked, command_of(context), alias, out, taught or ())


@app.command(help=_help("trees", "Train trees on reduced features and measure them.", "", " --model svd-forest"))
@taking_groups
def trees(
    context: typer.Context, asked: _Classic, model: Annotated[str, typer.Option(help="Which one.")] = "svd-lightgbm"
) -> None:
    """Train trees."""
    _train(_member("trees", model), asked, command_of(context))


@app.command(
    help=_help("vectors", "Train a classifier on word vectors learnt here.", "", " --model fasttext-lightgbm --rows 0")
)
@taking_groups
def vectors(
    context: typer.Context, asked: _Classic, model: Annotated[str, typer.Option(help="Which one.")] = "fasttext-lr"
) -> None:
    """Train on averaged vectors."""
    _train(_member("vectors", model), asked, command_of(context))


@app.command()
def compare(
    data_dir: Data,
    experiments: Annotated[Path | None, typer.Option(help="YAML of experiments; training/experiments.yaml.")] = None,
    description: Description = None,
    register: Annotated[bool, typer.Option(help="Log each run to MLflow.")] = False,
    results: Annotated[Path, typer.Option(help="Folder of the stored results.")] = RESULTS,
    again: Annotated[bool, typer.Option(help="Measure what has been measured already, too.")] = False,
    curve: _Curve = None,
) -> None:
    """Measure every experiment of a file on the same held-out texts; finished ones are kept.

    An entry names a member of any family, and hyper-parameters of it: `{member: tfidf-lr, C: 0.5}`,
    `{member: bigru, units: 32, rows: 600000}`.

    Examples:

      buzzwatch train compare --data-dir data

      buzzwatch train compare --data-dir data --experiments mine.yaml --register
    """
    settings = load_settings()
    chosen = load_experiments(experiments)
    if register:
        check_reachable(settings)
    errors = Console(stderr=True)
    with errors.status("starting") as status:
        drawn = register if curve is None else curve
        run = Comparison(data_dir, description, results, again=again, curve=drawn, progress=status.update)
        for done in compare_all(chosen, run):
            if register:
                done.log(settings)
            errors.print(f"{done.result.member}: done in {done.result.seconds:.0f} s", highlight=False)
    _print_results(results)


@app.command()
def suite(
    data_dir: Data,
    description: Description = None,
    taught: TaughtFiles = None,
    model: Annotated[str, typer.Option(help="A member of linear, trees or vectors.")] = "hashed",
    only: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Leave out this file; give it again for more of them.")
    ] = None,
    years: Annotated[bool, typer.Option(help="Also leave out each year of a file that has years.")] = True,
    results: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also keep the figures as JSON here.")] = None,
    seed: Seed = 0,
    output: PageFormat = "table",
) -> None:
    """Judge a recipe by what people say: on held-out parts, on files left out whole, and on years left out.

    A recipe is chosen by the mean macro-recall over the files left out, with the airline figures; labels by emoticons
    judge nothing. Every row is of a model that has seen neither the set nor near-duplicates of it.

    Examples:

      buzzwatch train suite --data-dir data

      buzzwatch train suite --data-dir data --only airline --no-years --format json
    """
    if model not in MEMBERS:
        raise SettingsError(f"--model {model}: there are {', '.join(MEMBERS)}")
    errors = Console(stderr=True)
    with errors.status("reading the data") as status:
        data = load_training_data(data_dir, description, lambda line: _note(errors, line), taught or ())
        found = run_suite(data, MEMBERS[model], seed, status.update, only or (), years=years)
    if results is not None:
        with writing("--results", results):
            found.save(results)
    if output == "json":
        typer.echo(json.dumps({**asdict(found), "score": found.score}))
        return
    head, *rows = suite_table(found)
    if output == "markdown":
        typer.echo("\n".join(markdown_table(head, rows)))
    else:
        print_table(head, rows)
    if found.score is not None:
        _note(errors, f"mean macro-recall over the files left out: {found.score:.4f}")


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
    asked: _Classic,
    command: str,
    alias: str | None = None,
    out: Path | None = None,
    taught: Sequence[Path] = (),
) -> None:
    errors = Console(stderr=True)
    for option, given in (("--out", out), ("--alias", alias)):
        if given is not None and not member.serves:
            raise SettingsError(f"{option}: {member.name} is measured only, no artefact is kept of it")
    if not member.serves:
        # Before the training, which may take an hour.
        note = f"{member.name} is measured only: figures are shown, no model is kept or registered"
        _note(errors, note)
    settings = load_settings()
    if asked.register:
        chosen_alias(settings, alias)
    with errors.status("starting") as status:
        trained = train(
            asked.data_dir,
            member,
            asked.seed,
            lambda step: status.update(step),
            distant=asked.rows,
            curve=asked.register if asked.curve is None else asked.curve,
            description=asked.description,
            report=lambda line: _note(errors, line),
            taught=taught,
        )
        if out is not None and trained.model is not None:
            trained.save(out)
        if asked.results is not None:
            with writing("--results", asked.results):
                write_result(measured(trained, command), asked.results)
        if asked.register:
            status.update("registering")
            named = chosen_alias(settings, alias)  # asked again: another run may have made the first champion
            version = log_trained(settings, trained, alias=named if trained.model is not None else None)
            if version is not None:
                errors.print(f"{settings.mlflow.model_name} version {version} is {named}", highlight=False)
    print_figures(trained.metrics, asked.output)


def _note(errors: Console, line: str) -> None:
    errors.print(line, markup=False, highlight=False, soft_wrap=True)


def _print_results(folder: Path) -> None:
    """Macro-recall of each set that people labelled, accuracy of the larger of two labels on others."""
    found = read_results(folder)
    sets = list(dict.fromkeys(name for one in found for name in one.metrics))
    common = common_sets(found)
    rows = []
    for one in sorted(found, key=lambda one: mean_figure(one, common), reverse=True):
        cells = [f"{figure_of(one, name):.3f}" if name in one.metrics else "–" for name in sets]
        rows.append((f"{one.member} {one.format}", *cells, f"{one.tweets_per_s:,.0f}"))
    print_table(("member", *sets, "tweets/s"), rows, caption="macro-recall; of sets without neutral: binary")
