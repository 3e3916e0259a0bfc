from __future__ import annotations

import subprocess
import sys

_PROGRAM = """
import gc
from stream.worker.gc_tuning import pause_collector, relax_collector
pause_collector()
paused = gc.get_stats()[0]["collections"]
kept = [(number, []) for number in range(40_000)]
paused = gc.get_stats()[0]["collections"] - paused
relax_collector()
before = gc.get_stats()[0]["collections"]
batch = [(number, []) for number in range(40_000)]
print(paused, gc.isenabled(), gc.get_freeze_count() > 1_000, gc.get_stats()[0]["collections"] - before)
"""


def test_nothing_is_collected_while_it_is_paused_nor_for_one_batch_after_it() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, check=True, text=True)
    assert done.stdout.split() == ["0", "True", "True", "0"]
