"""The entry point: `uvicorn api.app:app`."""

from __future__ import annotations

import sys

from bootstrap.api import build_api
from contracts.errors import BuzzwatchError

try:
    app = build_api()
except BuzzwatchError as error:  # a bad setting or rules file: one line instead of uvicorn's stack trace
    sys.exit(f"buzzwatch: {error}")
