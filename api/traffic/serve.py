"""Runs the API by uvicorn, with a door that refuses what is too much."""

from __future__ import annotations

import gc
import resource
import sys
from typing import Final

import uvicorn
from fastapi import FastAPI

from api.traffic.connection import NoWebSockets
from api.traffic.door import door_of

_GRACE_S: Final = 10
_NEW_OBJECTS: Final = 20_000
"""New objects before a collection: some dozens of requests, instead of Python's 700."""
_SWITCH_S: Final = 0.0005
"""How long another thread may keep the interpreter from the one that answers; Python's own 5 ms are those of ten
requests."""
_OTHER_FILES: Final = 256
"""Open files of the process that are no connections of clients."""


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    spare_the_imported()
    sys.setswitchinterval(_SWITCH_S)
    most: int = app.state.parts.settings.most_connections
    _allow_files(most + _OTHER_FILES)
    door = door_of(app.state.admission, app.state.metrics, most)
    uvicorn.run(
        app,
        host=host,
        port=port,
        http=door,
        ws=NoWebSockets,
        access_log=False,
        log_config=None,  # logs are set up already
        timeout_graceful_shutdown=_GRACE_S,
    )


def spare_the_imported() -> None:
    """Keep the collector from walking what has been imported: that would hold up all requests for 0.1 to 0.3 s."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)


def _allow_files(number: int) -> None:
    """Where fewer files may be open than the system allows at most, raise it: often it is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = number if hard == resource.RLIM_INFINITY else min(number, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
