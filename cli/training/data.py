"""`buzzwatch data`: what is in labelled tweets."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from cli.output.console import print_error, print_table
from cli.output.options import Encoding, Format, path
from cli.training.options import writing
from contracts.errors import SettingsError
from contracts.events import SENTIMENTS
from contracts.printable import printable_json
from training.data.datasets import read_labelled
from training.data.profile import profile as make_profile
from training.data.profile_report import profile_page
from training.data.sources import find_sources

app = typer.Typer(add_completion=False, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Labelled tweets.

    Example: buzzwatch data profile
    """


@app.command()
def profile(
    data: Annotated[
        list[Path] | None,
        typer.Argument(
            parser=path, metavar="FILE", help="Files, folders of parts or pipes; all labelled files of --data-dir."
        ),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="BUZZWATCH_DATA_DIR", help="Folder of the labelled tweets.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for profile.html and data_profile.json.")] = Path("var/profile"),
    encoding: Encoding = None,
    output: Format = "table",
) -> None:
    """Write a report about labelled tweets: classes, lengths, duplicates, conflicts, n-grams, artefacts.

    The report holds counts and n-grams that many tweets share, no tweet.

    Examples:

      buzzwatch data profile --data-dir data --out var/profile

      buzzwatch data profile tweets.csv --format json
    """
    files = data or _files(data_dir)
    with writing("--out", out):  # before minutes are spent
        out.mkdir(parents=True, exist_ok=True)
    errors = Console(stderr=True)
    with errors.status("reading the data") as status:
        sets = {name: read_labelled(path, encoding, print_error) for name, path in _named(files).items()}
        found = make_profile(sets, status.update)
        status.update("drawing")
        with writing("--out", out):
            (out / "data_profile.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
            (out / "profile.html").write_text(profile_page(found), encoding="utf-8")
    errors.print(f"wrote {out / 'profile.html'} and {out / 'data_profile.json'}", markup=False, highlight=False)
    if output == "json":
        typer.echo(printable_json(found, indent=None))
    else:
        head = "set", "rows", *SENTIMENTS, "exact dup.", "near-dup.", "several labels"
        print_table(head, _rows(found))


def _files(folder: Path | None) -> list[Path]:
    if folder is None:
        raise SettingsError("name files, or a folder with --data-dir (or BUZZWATCH_DATA_DIR)")
    return [folder / source.file for source in find_sources(folder).sources]


def _named(files: Sequence[Path]) -> dict[str, Path]:
    """The files by their names without folder and ending; by their paths where others are called the same."""
    stems = Counter(path.stem for path in files)
    return {path.stem if stems[path.stem] == 1 else str(path): path for path in files}


def _rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, one in found["sets"].items():
        classes = [one["classes"].get(label, 0) for label in SENTIMENTS]
        rest = one["duplicates"]["exact"], one["duplicates"]["near"]
        conflicts = one["conflicts"]["near_duplicates_with_several_labels"]
        yield name, *(f"{number:,}" for number in (one["rows"], *classes, *rest, conflicts))
