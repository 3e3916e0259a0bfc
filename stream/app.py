"""Entry point: `faust -A stream.app worker`."""

from __future__ import annotations

import sys

from bootstrap.worker import build_worker
from contracts.errors import BuzzwatchError

try:
    app = build_worker()
except BuzzwatchError as error:
    sys.exit(f"buzzwatch: {error}")
