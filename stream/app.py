"""Entry point: `faust -A stream.app worker`."""

from __future__ import annotations

import gc
import sys

# What is imported stays: a collector that looks through it again and again takes a tenth of the start.
# `stream.worker.gc_tuning` turns it on again when the roles start.
gc.disable()

from bootstrap.prepare import import_numba_without_scipy, prepare  # noqa: E402
from contracts.errors import BuzzwatchError  # noqa: E402

try:
    _bootstrap = prepare()
    if "worker" in sys.argv[1:] and _bootstrap.fencing is not None:  # not for `faust -A stream.app agents`
        _bootstrap.fencing.start()
    import_numba_without_scipy()
    from bootstrap.worker import build_worker

    app = build_worker(_bootstrap)
except BuzzwatchError as error:
    sys.exit(f"buzzwatch: {error}")
