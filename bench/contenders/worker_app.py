"""The buzzwatch worker itself, wired with the function that is asked for."""

from __future__ import annotations

import os
from typing import Any

from bench.stage.functions import FUNCTION, PlainScorer
from bootstrap import worker as wiring

if os.environ.get(FUNCTION) == "plain":
    wiring_any: Any = wiring
    wiring_any.Scorer = lambda _annotator, _text: PlainScorer()

app = wiring.build_worker()
