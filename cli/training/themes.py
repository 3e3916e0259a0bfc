"""`buzzwatch train themes`: what complaints are about, learnt from the reasons that people named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Final

import typer
from rich.console import Console

from cli.output.console import print_table
from cli.output.options import Format
from cli.training.options import Data, Out, writing
from contracts.rules.file import load_rules
from contracts.settings import load_settings
from training.linear.theme_heads import TrainedThemes, train_themes

_WAYS: Final = ("words", "learnt", "both")


def themes(
    data_dir: Data,
    file: Annotated[
        str, typer.Option(metavar="NAME", help="Parquet with text and negativereason.")
    ] = "airline.parquet",
    out: Out = None,
    output: Format = "table",
) -> None:
    """Learn what complaints are about, and compare that with the words of the rules file.

    A theme with `learnt: true` in the rules file goes by words and weights together ("both"). The weights that serve
    lie in models/artefacts/themes. The figures are those of weights that have not seen the held-out complaints.

    Examples:

      buzzwatch train themes --data-dir data

      buzzwatch train themes --data-dir data --out models/artefacts/themes
    """
    rules = load_rules(load_settings().rules)
    with Console(stderr=True).status("reading the data") as status:
        trained = train_themes(data_dir / file, rules, status.update)
    figures = {theme: {way: asdict(one) for way, one in ways.items()} for theme, ways in trained.figures.items()}
    if out is not None:
        trained_on = f"{file} {trained.complaints:,} complaints"
        with writing("--out", out):
            trained.heads.save(out, {"metrics": figures, "data_hash": trained.data_hash, "trained_on": trained_on})
    if output == "json":
        typer.echo(json.dumps(figures))
    else:
        print_table(("theme", "held out", *(f"{way}: precision, recall, F1" for way in _WAYS)), _rows(trained))


def _rows(trained: TrainedThemes) -> Iterator[tuple[str, ...]]:
    for theme, ways in trained.figures.items():
        cells = [f"{one.precision:.2f}, {one.recall:.2f}, {one.f1:.2f}" for one in (ways[way] for way in _WAYS)]
        yield theme, f"{trained.held_out[theme]:,}", *cells
    of_way = {way: [ways[way] for ways in trained.figures.values()] for way in _WAYS}
    means = [
        ", ".join(
            f"{sum(values) / len(values):.2f}"
            for values in zip(*((one.precision, one.recall, one.f1) for one in some), strict=True)
        )
        for some in of_way.values()
    ]
    yield "mean", f"{sum(trained.held_out.values()):,}", *means
