"""Options that commands about labelled tweets share."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.output.options import Format
from contracts.errors import SettingsError
from contracts.settings import ROOT

Data = Annotated[Path, typer.Option(envvar="BUZZWATCH_DATA_DIR", help="Folder of the labelled tweets.")]
Description = Annotated[
    Path | None,
    typer.Option("--sources", metavar="FILE", help="YAML about the labelled files; sources.yaml in their folder."),
]
TaughtFiles = Annotated[
    list[Path] | None,
    typer.Option("--taught", metavar="FILE", help="Also learn from what `train teach` wrote; again for more files."),
]
Register = Annotated[bool, typer.Option(help="Log the run to MLflow and register a model that can serve.")]
Alias = Annotated[str | None, typer.Option(help="Alias of the new version; challenger, the first one champion.")]
Out = Annotated[Path | None, typer.Option(metavar="FOLDER", help="Also write the artefact here.")]
Results = Annotated[
    Path | None, typer.Option(metavar="FOLDER", help="Keep the figures here, for the leaderboard: training/results.")
]
Seed = Annotated[int, typer.Option(help="Seed of everything random.")]

WORK_DIR: Final = ROOT / "var" / "deep"
"""Where runs of networks keep their checkpoints."""
_UNSTORED: Final = ("data_dir", "register", "alias", "results", "output", "curve")
"""Options left out of a stored command: where the data lie, and what is done with the results."""


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What every command takes that learns from labelled tweets (`cli.output.options.taking_groups`)."""

    data_dir: Data
    description: Description = None
    seed: Seed = 0
    output: Format = "table"


@contextmanager
def writing(option: str, folder: Path) -> Iterator[None]:
    """Files into the folder that an option names.

    Raises:
        SettingsError: they cannot be written.
    """
    try:
        yield
    except OSError as error:
        raise SettingsError(f"{option} {folder}: {error.strerror or error}") from None


def command_of(context: typer.Context) -> str:
    """The command of a running training with every option that is not its default, `_UNSTORED` apart."""
    parts = ["buzzwatch", "train", str(context.info_name)]
    for option in context.command.params:
        value = context.params.get(str(option.name))
        if option.name in _UNSTORED or value == option.get_default(context):
            continue
        for one in value if isinstance(value, (list, tuple)) else [value]:
            parts += [option.opts[0], str(one)]
    return shlex.join(parts)
