"""`buzzwatch predict`: scores texts on this machine, without the API."""

from __future__ import annotations

import itertools
import logging
import re
import sys
import uuid
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal

import typer
from rich.table import Table
from rich.text import Text

from cli.output.console import print_error, table_console
from contracts.errors import BuzzwatchError, InvalidTweet
from contracts.events import SENTIMENTS, ModelRef, prediction_id
from contracts.printable import printable_json, printable_line
from contracts.rules.file import load_rules
from contracts.settings import Settings, load_settings
from contracts.texts import checked_text
from models.annotator import Annotation, Annotator
from models.base.artefact import load_artefact
from models.registry.champion import Champion, LoadedModel

app = typer.Typer(add_completion=False)

_BATCH = 1000
_COLOURS = {"negative": "red", "neutral": "bright_black", "positive": "green"}
_EXAMPLES = """Score texts with the champion; its version is printed on standard error.

The model is loaded from MLflow; when that is away, from the cache of what was served last; else the shipped one.

Examples:

  buzzwatch predict "@AirParadis lost my bag again"

  buzzwatch predict --format json "thanks!" "never again"

  cut -f2 tweets.tsv | buzzwatch predict --format json
"""


@app.command(help=_EXAMPLES)
def predict(
    texts: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help="Texts; lines of standard input when none is given.")
    ] = None,
    output: Annotated[
        Literal["table", "json"], typer.Option("--format", help="Rows for people or a JSON list.")
    ] = "table",
) -> None:
    """Score texts."""
    settings = load_settings()
    annotator = Annotator(load_rules(settings.rules))
    checked = _checked(texts or (line for line in sys.stdin if line.strip()))
    first = next(checked, None)  # a bad text or an empty file is reported before a model is loaded
    if first is None:
        raise InvalidTweet("no text: give one as an argument or on standard input")
    loaded = _loaded(settings)
    rows: list[tuple[str, Annotation]] = []
    everything = itertools.chain([first], checked)
    while batch := list(itertools.islice(everything, _BATCH)):
        rows += zip(batch, annotator.annotate(loaded.model, batch), strict=True)
    if output == "json":
        typer.echo(printable_json([_object(annotation, loaded.ref) for _, annotation in rows], indent=None))
    else:
        _print(rows)


# How Python keeps a byte that is not UTF-8, of an argument or of standard input.
_FOREIGN: Final = re.compile("[\udc80-\udcff]")


def _checked(texts: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(texts, 1):
        foreign = _FOREIGN.search(text)
        if foreign is not None:
            byte = ord(foreign.group()) - 0xDC00
            raise InvalidTweet(f"text {number}: 0x{byte:02X}, after {foreign.start()} characters, is not UTF-8")
        try:
            yield checked_text(text.rstrip("\n"))
        except InvalidTweet as error:
            raise InvalidTweet(f"text {number}: {str(error).removeprefix('text ')}") from None


def _loaded(settings: Settings) -> LoadedModel:
    logging.getLogger("buzzwatch.champion").setLevel("ERROR")  # what it would log is printed below
    champion = Champion(settings)
    try:
        loaded = champion.load()
    except BuzzwatchError as error:
        model = load_artefact(settings.artefact)
        print_error(f"model: the shipped one in {settings.artefact} ({error})")
        return LoadedModel.of(ModelRef(name=settings.mlflow.model_name, version="shipped"), model)
    trouble = champion.registry_failure or champion.failure
    source = f"from the cache: {trouble}" if trouble else "champion in MLflow"
    print_error(f"model: {loaded.ref.name} version {loaded.ref.version} ({source})")
    return loaded


def _object(annotation: Annotation, ref: ModelRef) -> dict[str, Any]:
    return {
        "prediction_id": prediction_id(ref.name, ref.version, str(uuid.uuid4())),
        "sentiment": annotation.sentiment,
        "confidence": annotation.confidence,
        "scores": dict(zip(SENTIMENTS, annotation.scores, strict=True)),
        "watches": annotation.watches,
        "themes": annotation.themes,
        "model": {"name": ref.name, "version": ref.version},
        "reliable": annotation.reliable,
        **({"tier": annotation.tier} if annotation.tier else {}),
        **({"theme_sentiments": annotation.theme_sentiments} if annotation.theme_sentiments else {}),
    }


def _print(rows: Iterable[tuple[str, Annotation]]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("sentiment", "conf.", "watches", "themes", "text"):
        table.add_column(column, no_wrap=column in ("sentiment", "conf."))
    for text, annotation in rows:
        table.add_row(
            Text(annotation.sentiment, style=_COLOURS[annotation.sentiment]),
            f"{annotation.confidence:.2f}",
            Text(printable_line(", ".join(annotation.watches))),
            Text(printable_line(", ".join(annotation.themes))),
            Text(printable_line(text)),
        )
    table_console().print(table)
