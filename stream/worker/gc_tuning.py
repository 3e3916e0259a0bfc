"""Settings of Python's garbage collector for a process that makes millions of short-lived tuples and no cycles."""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 200_000
"""New objects before a collection: as many as several batches make, instead of Python's 700."""


def pause_collector() -> None:
    """Collect nothing until `relax_collector` is called, which the worker does when its roles start.

    What is imported stays, and the collector walks it again and again: 0.27 of the 1.5 s of processor time that a start
    takes for its imports (docs/decisions/by-hand.md).
    """
    gc.disable()


def relax_collector() -> None:
    """Exclude the objects that exist now (modules, model, agents) from later collections, and collect seldom.

    With Python's own thresholds the collector scans the batches in flight again and again: a quarter of the CPU time of
    scoring (docs/decisions/scoring.md).
    """
    gc.freeze()  # no collection before it: that would delay a restart by a quarter of a second
    gc.enable()
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
