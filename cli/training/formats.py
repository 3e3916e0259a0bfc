"""`buzzwatch train formats|cascade`: what is made of a trained deep model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.output.console import print_table, table_console
from cli.output.options import Format, PageFormat
from cli.training.deep import require_tensorflow
from cli.training.options import WORK_DIR, Data, Description, TaughtFiles
from contracts.errors import SettingsError
from contracts.printable import markdown_table
from contracts.settings import load_settings
from training.evaluation.format_cost import FormatRow


def formats(
    data_dir: Data,
    work: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FOLDER", help="Work folders of runs, at their checkpoint or end."),
    ] = None,
    description: Description = None,
    linear: Annotated[bool, typer.Option(help="Also the linear family: TF-IDF, and the compiled model.")] = False,
    most: Annotated[int, typer.Option(min=10, help="Held-out texts of each set.")] = 2_000,
    out: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Also write every artefact here, as FAMILY-MEMBER/FORMAT.")
    ] = None,
    output: PageFormat = "table",
) -> None:
    """Compare a model in every format it has: accuracy, size, time to load, for one tweet and for many.

    Examples:

      buzzwatch train formats --data-dir data var/deep/bigru var/deep/minilm-l6

      buzzwatch train formats --data-dir data var/deep/student --out build/formats --format json

      buzzwatch train formats --data-dir data --linear
    """
    if not work and not linear:
        raise SettingsError("formats: name a work folder of a training run, or --linear")
    require_tensorflow()
    with Console(stderr=True).status("reading the data") as status:
        from training.data.datasets import load_training_data
        from training.deep.cascade.build import unseen_linear
        from training.deep.export.calibrate import held_out_rows
        from training.deep.export.formats import compare_formats
        from training.deep.runs.work_folder import restored
        from training.evaluation.results import slug
        from training.linear.export_formats import linear_formats

        runs = [restored(folder) for folder in work or ()]
        data = load_training_data(data_dir, description)
        rows: list[FormatRow] = []
        if linear:
            hashed = unseen_linear(data, WORK_DIR, status.update)
            rows += linear_formats(data, held_out_rows(data, most), hashed, status.update)
        for finished in runs:
            folder = None if out is None else out / slug(finished.family, finished.member)

            def keep(form: str, model: Any, folder: Path | None = folder) -> None:
                if folder is not None:
                    model.save(folder / form)

            rows += list(compare_formats(finished, data, most, status.update, keep))
    if output == "json":
        typer.echo(json.dumps([asdict(row) for row in rows]))
        return
    head = ("family", "member", "format", *rows[0].accuracy, "MB", "load, ms", "one tweet, ms", "tweets/s", "loses")
    if output == "markdown":
        typer.echo("\n".join(markdown_table(head, map(_cells, rows))))
    else:
        print_table(head, map(_cells, rows))


def cascade(
    data_dir: Data,
    deep: Annotated[Path, typer.Option(help="Folder of the deep model's artefact.")],
    description: Description = None,
    taught: TaughtFiles = None,
    most: Annotated[int, typer.Option(min=10, help="Held-out texts of each set.")] = 5_000,
    budget_ms: Annotated[float, typer.Option(min=0, help="Most time of a batch in the deep tier.")] = 100,
    patience_s: Annotated[float, typer.Option(min=0.1, help="So far behind, only the linear tier answers.")] = 5.0,
    times: Annotated[float, typer.Option(min=1, help="At least so many times as fast as the deep model.")] = 5.0,
    picture: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw accuracy against tweets a second.")] = None,
    register: Annotated[bool, typer.Option(help="Register the cascade in MLflow.")] = True,
    alias: Annotated[str | None, typer.Option(help="Alias of the new version.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write the artefact here.")] = None,
    output: Format = "table",
) -> None:
    """Put the shipped linear model in front of a deep one, and choose when it is sure enough.

    Chosen with a linear model that has not seen the held-out texts, trained on the way (some minutes, kept). Every
    figure is of texts other than those that its threshold was chosen on.

    Examples:

      buzzwatch train cascade --data-dir data --deep build/minilm --no-register --out build/cascade
    """
    settings = load_settings()
    require_tensorflow()
    from models.base.artefact import load_artefact
    from models.cascade import CascadeModel
    from models.deep.model import DeepModel
    from training.data.datasets import load_training_data
    from training.deep.cascade.build import cascade_of, draw, unseen_linear
    from training.deep.cascade.register import log_cascade
    from training.registry.register import chosen_alias

    if register:
        chosen_alias(settings, alias)
    errors = Console(stderr=True)
    model = load_artefact(deep)
    if not isinstance(model, DeepModel):
        raise SettingsError(f"--deep {deep}: not a deep model")
    with errors.status("reading the data") as status:
        data = load_training_data(data_dir, description, taught=taught or ())
        linear = unseen_linear(data, WORK_DIR, status.update)
        chosen, curve, evidence = cascade_of(
            linear, model, data, most, budget_ms / 1000, patience_s, status.update, times=times
        )
        if picture is not None:
            draw(curve, picture)
        serving = CascadeModel(load_artefact(settings.artefact), model, chosen.metadata)
        if out is not None:
            serving.save(out)
            evidence.save(out)
        if register:
            named = chosen_alias(settings, alias)
            version = log_cascade(settings, serving, curve, evidence, named)
            errors.print(f"registered as {settings.mlflow.model_name} version {version}, {named}", highlight=False)
    if output == "json":
        typer.echo(json.dumps(asdict(curve)))
    else:
        table_console().print(_curve_table(curve))


def add_to(app: typer.Typer) -> None:
    """Make them subcommands of `buzzwatch train`."""
    for command in (formats, cascade):
        app.command()(command)


def _cells(row: FormatRow) -> list[str]:
    return [
        row.family,
        row.member,
        row.format,
        *(f"{value:.3f}" for value in row.accuracy.values()),
        f"{row.megabytes:.1f}",
        f"{row.load_ms:.0f}" if row.load_ms else "–",
        f"{row.one_ms:.3g}",
        f"{row.tweets_per_s:,.0f}",
        f"{round(100 * row.lost, 1) + 0.0:.1f} points" + (", too much" if row.loses_too_much else ""),
    ]


def _curve_table(curve: Any) -> Table:
    table = Table("deep answers", "threshold", "tweets/s", *curve.rows, "mean", "")
    for point in [*curve.points, curve.chosen]:
        accuracies = [f"{point.accuracy[name]:.4f}" for name in curve.rows]
        mark = "chosen" if point is curve.chosen else ""
        cells = f"{point.share:.1%}", f"{point.threshold:.3f}", f"{point.tweets_per_s:,.0f}"
        table.add_row(*cells, *accuracies, f"{point.mean:.4f}", mark)
    table.add_row(
        "deep alone", "", f"{curve.deep_tweets_per_s:,.0f}", *[""] * len(curve.rows), f"{curve.deep_alone:.4f}", ""
    )
    value, low, high = curve.gap
    table.caption = f"chosen minus deep alone: {value:+.4f} [{low:+.4f}, {high:+.4f}]"
    return table
