"""Options that commands which read files share."""

from __future__ import annotations

from typing import Annotated

import typer

Encoding = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Of a text file that is not UTF-8: latin-1, cp1252, utf-16-le, …"),
]
DATA_HELP = "JSONL, JSON, CSV or Parquet: a file, a folder of parts or a pipe."
