"""The buzzwatch worker itself, wired with the function that is asked for."""

from __future__ import annotations

import os

from bench.stage.functions import FUNCTION, PlainScorer
from bootstrap.worker import build_worker

app = build_worker(scorer=PlainScorer() if os.environ.get(FUNCTION) == "plain" else None)
