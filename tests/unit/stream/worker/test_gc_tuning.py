from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc
from stream.worker.gc_tuning import relax_collector
relax_collector()
before = gc.get_stats()[0]["collections"]
batch = [(number, []) for number in range(40_000)]
print(gc.get_freeze_count() > 1_000, gc.get_stats()[0]["collections"] - before)
"""


def test_a_batch_is_made_without_a_collection_and_what_was_there_is_left_alone() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["True", "0"]
