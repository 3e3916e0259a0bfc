"""Runs the API by uvicorn, with a door that refuses what is too much."""

from __future__ import annotations

import gc
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.traffic.door import door_of

_GRACE_S: Final = 10
_NEW_OBJECTS: Final = 20_000
"""New objects before a collection: some dozens of requests, instead of Python's 700."""


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    spare_the_imported()
    door = door_of(app.state.admission, app.state.metrics)
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=door,
        access_log=False,
        log_config=None,  # logs are set up already
        timeout_graceful_shutdown=_GRACE_S,
    )


def spare_the_imported() -> None:
    """Keep the collector from walking what has been imported: that would hold up all requests for 0.1 to 0.3 s."""
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
