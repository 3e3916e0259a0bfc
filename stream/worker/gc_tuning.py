"""Python's garbage collector in a process that makes millions of short-lived tuples and no cycles."""

from __future__ import annotations

import gc
from typing import Final

_NEW_OBJECTS: Final = 200_000
"""Objects between two collections: several batches' worth, instead of Python's 700."""


def relax_collector() -> None:
    """Take what is there now (modules, model, agents) out of every later collection, and collect seldom.

    With Python's own thresholds the collector walks the batches on their way again and again: a quarter of the
    processor time of scoring (docs/decisions/scoring.md).
    """
    gc.freeze()  # without a collection first, which would hold up a restart by a quarter of a second
    gc.enable()  # `stream.app` turns it off while it imports
    gc.set_threshold(_NEW_OBJECTS, 10, 10)
