"""The entry point of other servers: `uvicorn api.app:app`. `buzzwatch api` is the one of ours."""

from __future__ import annotations

import sys

from api.security.exposure import uvicorn_host
from api.traffic.serve import spare_the_imported
from bootstrap.api import build_api
from contracts.errors import BuzzwatchError

try:
    app = build_api(host=uvicorn_host(sys.argv))
except BuzzwatchError as error:  # a bad setting or rules file: one line instead of uvicorn's stack trace
    sys.exit(f"buzzwatch: {error}")
spare_the_imported()
