"""`buzzwatch api`: the REST API and its pages, a process of its own."""

from __future__ import annotations

import gc
import sys
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def api(
    host: Annotated[str | None, typer.Option(help="Address to listen on; by default BUZZWATCH_API__HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="Port to listen on; by default BUZZWATCH_API__PORT.")
    ] = None,
) -> None:
    """Serve the REST API and the watch room, until Ctrl-C or SIGTERM.

    `uvicorn api.app:app` serves the same; this one also refuses, on the connection itself, the predictions that are
    more than it can answer, so that the others are answered in time (BUZZWATCH_API__MOST_AT_ONCE).

    Examples:

      buzzwatch api

      buzzwatch api --host 0.0.0.0 --port 8000
    """
    gc.disable()  # what is imported stays, and would be walked again and again; `serve` enables it
    # Where SciPy is installed, for training, numba imports its linear algebra: a tenth of the start.
    sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]  # Python's own way to say that there is none
    from api.traffic.serve import serve
    from bootstrap.api import build_api
    from contracts.settings import load_settings

    settings = load_settings()
    listen = host or settings.api.host
    serve(build_api(settings, host=listen), listen, port or settings.api.port)
