"""The entry point: `uvicorn api.app:app`."""

from __future__ import annotations

import gc
import sys
from typing import Final

from api.security.exposure import uvicorn_host
from bootstrap.api import build_api
from contracts.errors import BuzzwatchError

_NEW_OBJECTS: Final = 20_000
"""New objects before a collection: some dozens of requests, instead of Python's 700."""

try:
    app = build_api(host=uvicorn_host(sys.argv))
except BuzzwatchError as error:  # a bad setting or rules file: one line instead of uvicorn's stack trace
    sys.exit(f"buzzwatch: {error}")

# What has been imported stays; a collection that walks it holds up all requests for 0.1 to 0.3 s.
gc.freeze()
gc.set_threshold(_NEW_OBJECTS, 10, 10)
