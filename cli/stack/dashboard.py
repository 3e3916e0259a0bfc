"""`buzzwatch dashboard`: the watch room in a process of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from contracts.settings import Settings, load_settings

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def dashboard(
    host: Annotated[str | None, typer.Option(help="Address to listen on; by default BUZZWATCH_API__HOST.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 8080,
) -> None:
    """Serve the pages of the watch room in a process of their own, until Ctrl-C.

    The API serves them too; beside it, readers and /predict do not share a processor. Switch them off there by
    BUZZWATCH_DASHBOARD__PATH=off, and name this address in BUZZWATCH_ALERTS__EXTERNAL_URL, to which notifications
    link. It needs Kafka, Redis and MLflow as the API does, and has the same keys.

    Examples:

      buzzwatch dashboard

      buzzwatch dashboard --host 0.0.0.0 --port 8443
    """
    from api.traffic.serve import serve
    from bootstrap.api import build_api

    settings = _with_pages(load_settings())
    listen = host or settings.api.host
    app = build_api(settings, host=listen)
    where = f"[{listen}]" if ":" in listen else listen
    typer.echo(f"watch room http://{where}:{port}{settings.dashboard.path}; Ctrl-C ends it", err=True)
    serve(app, listen, port)


def _with_pages(settings: Settings) -> Settings:
    """The settings, with the pages where the API was told to serve none."""
    if settings.dashboard.path != "off":
        return settings
    return settings.model_copy(update={"dashboard": settings.dashboard.model_copy(update={"path": "/"})})
