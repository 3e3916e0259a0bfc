"""Entry point: `faust -A stream.app worker`."""

from __future__ import annotations

import sys

from stream.worker.gc_tuning import pause_collector

pause_collector()  # before what follows is imported

from bootstrap.prepare import prepare  # noqa: E402
from contracts.errors import BuzzwatchError  # noqa: E402

try:
    _bootstrap = prepare()
    if "worker" in sys.argv[1:] and _bootstrap.fencing is not None:  # not for `faust -A stream.app agents`
        _bootstrap.fencing.start()
    from bootstrap.worker import build_worker

    app = build_worker(_bootstrap)
except BuzzwatchError as error:
    sys.exit(f"buzzwatch: {error}")
