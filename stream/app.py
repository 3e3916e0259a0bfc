"""Entry point: `faust -A stream.app worker`."""

from __future__ import annotations

import gc
import sys

# What is imported stays: a collector that looks through it again and again takes a tenth of the start.
# `stream.worker.gc_tuning` turns it on again when the roles start.
gc.disable()

from bootstrap.beginning import begin, import_numba_without_scipy  # noqa: E402
from contracts.errors import BuzzwatchError  # noqa: E402

try:
    _beginning = begin()
    if "worker" in sys.argv[1:] and _beginning.takeover is not None:  # not for `faust -A stream.app agents`
        _beginning.takeover.start()
    import_numba_without_scipy()
    from bootstrap.worker import build_worker

    app = build_worker(_beginning)
except BuzzwatchError as error:
    sys.exit(f"buzzwatch: {error}")
