"""The entry point: `uvicorn api.app:app`."""

from __future__ import annotations

import sys

from api.security.exposure import uvicorn_host
from bootstrap.api import build_api
from contracts.errors import BuzzwatchError

try:
    app = build_api(host=uvicorn_host(sys.argv))
except BuzzwatchError as error:  # a bad setting or rules file: one line instead of uvicorn's stack trace
    sys.exit(f"buzzwatch: {error}")
